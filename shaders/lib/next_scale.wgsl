// The scale of the next step's loss, by one invocation of the update: src/math/loss_scale.ts.
// The kernel that uses this provides `state`.
// uses: lib/guard.wgsl, lib/flags.wgsl, lib/loss_scale.wgsl

const SCALE_INTERVAL = 2000.0;
const LEAST_SCALE = 1.0;
const MOST_SCALE = 16777216.0;

override SCALE_OFFSET: u32;      // in vec4s

fn next_scale() {
  if (!HALVES || scalars.guard == IDLE || (scalars.guard != UNGUARDED && ended_before())) { return; }
  let at = scalars.model * MODEL_STATE + SCALE_OFFSET;
  var scale = state[at].x;
  var good = state[at].y + 1.0;
  let early = flag(scalars.finished_steps & 1u);
  if (early != 0u && !overflowed(early, scale)) { return; }
  if (early != 0u) {
    scale = max(0.5 * scale, LEAST_SCALE);
    good = 0.0;
  } else if (good == SCALE_INTERVAL) {
    scale = min(2.0 * scale, MOST_SCALE);
    good = 0.0;
  }
  state[at] = vec4<f32>(scale, good, 0.0, 0.0);
}
