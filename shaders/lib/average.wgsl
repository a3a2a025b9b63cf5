// What an update puts into the state of its parameters, and among that their moving averages.
// The kernel that uses this provides `load_state(i)` and `store_state(i, value)`.
// uses: lib/scalars.wgsl, lib/guard.wgsl

override EMA_RATE: f32;       // how far averages of parameters move to them; 0: there are none
override EMA_OFFSET: u32;     // vec4s from a parameter to its average in the state

fn put_state(i: u32, value: vec4<f32>) {
  watch(value);
  store_state(i, value);
}

// Moves the average of the parameters at `i` to what they have become; it begins with what the first update gives.
fn put_average(i: u32, value: vec4<f32>) {
  if (EMA_RATE == 0.0) { return; }
  let before = load_state(i + EMA_OFFSET);
  put_state(i + EMA_OFFSET, select(before + EMA_RATE * (value - before), value, scalars.finished_steps == 0u));
}
