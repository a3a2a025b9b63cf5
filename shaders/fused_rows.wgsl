// Forward, loss and the deltas of all layers for some rows of the mini-batch by one workgroup: what it leaves in memory
// is all that the update needs.
// uses: lib/network.wgsl, lib/flags.wgsl

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> acts: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> deltas: array<vec4<f32>>;

var<private> group_row: u32;
var<private> own_params: u32;
var<private> own_acts: u32;
var<private> own_deltas: u32;

fn first_row() -> u32 { return group_row; }
fn barrier() { storageBarrier(); }
fn load_weight(i: u32) -> vec4<f32> { return params[own_params + i]; }
fn load_act(i: u32) -> vec4<f32> { return acts[own_acts + i]; }
fn store_act(i: u32, value: vec4<f32>) { acts[own_acts + i] = value; }
fn load_delta(i: u32) -> vec4<f32> { return deltas[own_deltas + i]; }
fn store_delta(i: u32, value: vec4<f32>) { deltas[own_deltas + i] = value; }
fn put_delta_at(i: u32, column: u32, value: f32) { deltas[own_deltas + i][column] = value; }

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  group_row = group.x * GROUP_ROWS;
  own_params = scalars.model * MODEL_PARAMS;
  own_acts = scalars.model * MODEL_ACTS;
  own_deltas = scalars.model * MODEL_DELTAS;
  forward_and_backward(lane);
}
