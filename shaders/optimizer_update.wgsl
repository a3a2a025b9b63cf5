// One optimizer step on every parameter, from gradients in memory, which a norm may hold back.
// uses: lib/optimizer.wgsl, lib/slabs.wgsl, lib/layers.wgsl, lib/flags.wgsl, lib/next_scale.wgsl

override WORKGROUP: u32 = 64;
override FOURS: u32;             // parameters / 4, padding included
override CLIP_NORM: f32;         // the largest norm of a gradient; 0: any
override CLIP_GLOBAL: bool;      // of all gradients together, else of each tensor's
override SQUARES: u32;           // sums of squares, those of a layer from its `first_workgroup` on
override SQUARES_OFFSET: u32;    // in vec4s

override MOVES: bool;            // what was moved takes the place of the gradients

@group(0) @binding(6) var<storage, read_write> grads: array<vec4<f32>>;

// Tensors begin at multiples of so many vec4s, so that they share no run of as many invocations.
const RUN = 16u;

var<workgroup> sums: array<f32, WORKGROUP>;

// Of the tensor that begins last at or before `i`: its row in the table, and whether it is the biases.
struct Owner { row: u32, bias: bool }

fn owner_of(i: u32) -> Owner {
  var last = 0u;
  var owner = Owner(0u, false);
  for (var n = 0u; n < min(DENSE_LAYERS, 256u); n++) {
    let weight = layers.rows[n].weight_offset;
    if (layers.rows[n].inputs > 0u && weight <= i && weight >= last) {
      last = weight;
      owner = Owner(n, false);
    }
    let bias = layers.rows[n].bias_offset;
    if (layers.rows[n].bias == 1u && bias <= i && bias >= last) {
      last = bias;
      owner = Owner(n, true);
    }
  }
  return owner;
}

fn layer_of(i: u32) -> u32 { return layers.rows[owner_of(i).row].number; }

// What the gradient at `i` is multiplied with: the invocations of a run add up the squares of its tensor's, or of all.
fn norm_factor(i: u32, lane: u32) -> f32 {
  let owner = owner_of(i);
  let next = min(owner.row + 1u, DENSE_LAYERS - 1u);
  let whole = CLIP_GLOBAL || owner.row + 1u == DENSE_LAYERS;
  let start = select(layers.rows[owner.row].first_workgroup, 0u, CLIP_GLOBAL);
  let end = select(layers.rows[next].first_workgroup, SQUARES, whole);
  var sum = 0.0;
  for (var n = start + lane % RUN; n < end; n += RUN) {
    let squares = grads[scalars.model * MODEL_GRADS + SQUARES_OFFSET + n];
    sum += select(select(squares.x, squares.y, owner.bias), squares.x + squares.y, CLIP_GLOBAL);
  }
  sums[lane] = sum;
  for (var half = RUN / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane % RUN < half) { sums[lane] += sums[lane + half]; }
  }
  workgroupBarrier();
  let factor = CLIP_NORM / (sqrt(sums[lane / RUN * RUN]) + 1e-6);
  return select(min(factor, 1.0), factor, (bitcast<u32>(factor) & 0x7fffffffu) > INFINITE);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(id.z);
  look_at_flags();
  if (id.x == 0u) { next_scale(); }
  var factor = 1.0;
  if (CLIP_NORM > 0.0) { factor = norm_factor(id.x, lane); }
  let owner = owner_of(id.x);
  rule = select(layers.rows[owner.row].weight_rule, layers.rows[owner.row].bias_rule, owner.bias);
  if (id.x >= FOURS) { return; }
  let before = load_param(id.x);
  update_four(id.x, penalized(id.x, grads[scalars.model * MODEL_GRADS + id.x]) * factor);
  if (MOVES) { grads[scalars.model * MODEL_GRADS + id.x] = load_param(id.x) - before; }
}
