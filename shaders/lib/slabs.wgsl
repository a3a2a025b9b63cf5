// Parameters and optimizer state in memory, for kernels that update them there.
// uses: lib/scalars.wgsl

@group(0) @binding(4) var<storage, read_write> params: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> state: array<vec4<f32>>;

fn load_param(i: u32) -> vec4<f32> {
  return params[scalars.model * MODEL_PARAMS + i];
}

fn store_param(i: u32, value: vec4<f32>) {
  params[scalars.model * MODEL_PARAMS + i] = value;
}

fn load_state(i: u32) -> vec4<f32> {
  return state[scalars.model * MODEL_STATE + i];
}

fn store_state(i: u32, value: vec4<f32>) {
  state[scalars.model * MODEL_STATE + i] = value;
}
