// d_W = x^T delta and d_b = the sum of delta over the rows: one vec4 of the result per invocation.
// uses: lib/scalars.wgsl

override WORKGROUP: u32 = 64;
override INPUTS: u32;
override IN_FOURS: u32;          // inputs / 4, rounded up
override OUT_FOURS: u32;         // outputs / 4, rounded up
override X_OFFSET: u32;          // offsets count vec4s
override DELTA_OFFSET: u32;
override WEIGHT_OFFSET: u32;
override BIAS: bool;
override BIAS_OFFSET: u32;

@group(0) @binding(6) var<storage, read_write> grads: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> acts: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read> deltas: array<vec4<f32>>;

// To what the earlier mini-batches of the update left.
fn add_gradient(i: u32, sum: vec4<f32>) {
  if (scalars.first_row > 0u) { grads[i] += sum; } else { grads[i] = sum; }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  let input = id.x / OUT_FOURS;
  let column = id.x % OUT_FOURS;
  let x_start = scalars.model * MODEL_ACTS + X_OFFSET;
  let delta_start = scalars.model * MODEL_DELTAS + DELTA_OFFSET;
  let own = scalars.model * MODEL_GRADS;
  var sum = vec4<f32>();
  if (input < INPUTS) {
    for (var row = 0u; row < scalars.rows; row++) {
      let x = acts[x_start + row * IN_FOURS + input / 4u][input % 4u];
      sum += x * deltas[delta_start + row * OUT_FOURS + column];
    }
    add_gradient(own + WEIGHT_OFFSET + id.x, sum);
  } else if (input == INPUTS && BIAS) {
    for (var row = 0u; row < scalars.rows; row++) { sum += deltas[delta_start + row * OUT_FOURS + column]; }
    add_gradient(own + BIAS_OFFSET + column, sum);
  }
}
