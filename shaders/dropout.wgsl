// Dropout on the way up and, with the same draws, on the way down: a = x / (1 - rate), or 0 where it is dropped.
// uses: lib/random.wgsl, lib/flags.wgsl, lib/guard.wgsl

override WORKGROUP: u32 = 64;
override FOURS: u32;             // elements / 4
override ROW_FOURS: u32;         // of a row
override X_OFFSET: u32;          // offsets count vec4s
override A_OFFSET: u32;
override DOWN: bool;             // on deltas, else on acts
override THRESHOLD: u32;         // draws of 24 bits below it are dropped
override SCALE: f32;
override STREAM: u32;
override LAYER: u32;             // by which it draws
override BELOW_LAYER: u32;       // whose deltas they are

@group(0) @binding(7) var<storage, read_write> acts: array<vec4<real>>;
@group(0) @binding(8) var<storage, read_write> deltas: array<vec4<real>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  if (id.x >= FOURS) { return; }
  let factor = kept_four(draw_four(scalars.first_row * ROW_FOURS + id.x, STREAM, LAYER), THRESHOLD, SCALE);
  if (DOWN) {
    let own = scalars.model * MODEL_DELTAS + id.x;
    let delta = vec4<f32>(deltas[own + X_OFFSET]) * factor;
    deltas[own + A_OFFSET] = vec4<real>(delta);
    if (id.x / ROW_FOURS < scalars.rows) { watch(delta); }
    report_delta(BELOW_LAYER);
  } else {
    let own = scalars.model * MODEL_ACTS + id.x;
    acts[own + A_OFFSET] = vec4<real>(vec4<f32>(acts[own + X_OFFSET]) * factor);
  }
}
