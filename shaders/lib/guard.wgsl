// Bad numbers, NaN and infinity: kernels look at the exponents of what they compute anyway, since no comparison finds a NaN
// behind every compiler, and an update that would use a bad one does nothing. What comes first in a step has the larger
// code, so that it does not matter which workgroup speaks first. src/run/guard.ts is the same for the host.
// The kernel that uses this provides the words of its model: `flag(word)`, `set_flag(word, code)`, `raise_flag(word, code)`;
// lib/flags.wgsl has them in memory.
// uses: lib/scalars.wgsl

// What `scalars.guard` asks for.
const UNGUARDED = 0u;
const STOP = 1u;                 // after the first bad number no step changes anything
const SKIP = 2u;                 // a step with a bad number changes nothing
const IDLE = 3u;                 // this step changes nothing

// Words 0 and 1: the first code before the update of an even and of an odd step. Word 2: the step and code of what ended
// the training; inside of an update the rest of it goes on, so that the first code is always the same.
const ENDED = 2u;
const CODE_BITS = 11u;

// The tensors by falling order in a step: (tensor, rank of the layer, whether it is NaN) make a code of 3, 7 and 1 bits.
const BAD_ACTIVATION = 7u;
const BAD_LOSS = 6u;
const BAD_DELTA = 5u;
const BAD_SUM = 4u;              // of the losses; from here on the update is on its way
const BAD_GRADIENT = 3u;
const BAD_PARAMETER = 2u;
const BAD_MOMENT = 1u;

const INFINITE = 0x7f800000u;    // as bits; those of a NaN are larger
const HALF_LIMIT = 0x477ff000u;  // 65520, which a half cannot hold

// Beside a code: a smaller scale of the loss may do, and the training goes on.
const OVERFLOW = 0x800u;

// The largest numbers since the last report, as bits without their sign.
var<private> seen: vec4<u32>;
var<private> stands_still: bool;

fn watch(values: vec4<f32>) {
  seen = max(seen, bitcast<vec4<u32>>(values) & vec4<u32>(0x7fffffffu));
}

// The code of what was watched; 0: nothing was bad. What may be stored as halves is bad where these cannot hold it.
fn code_of(tensor: u32, rank: u32) -> u32 {
  let stored = HALVES && (tensor == BAD_ACTIVATION || tensor == BAD_DELTA);
  let most = max(max(seen.x, seen.y), max(seen.z, seen.w));
  seen = vec4<u32>();
  return select(0u, (tensor << 8u) | (rank << 1u) | select(0u, 1u, most > INFINITE), most >= select(INFINITE, HALF_LIMIT, stored));
}

fn report(tensor: u32, rank: u32) {
  let code = code_of(tensor, rank);
  if (code != 0u && scalars.guard != UNGUARDED) { raise_flag(scalars.finished_steps & 1u, code); }
}

// The largest code of a layer's activations; those of the layers before it are larger.
fn code_of_layer(layer: u32) -> u32 { return (BAD_ACTIVATION << 8u) | ((127u - layer) << 1u) | 1u; }

// Reports what was watched of a layer's inputs of its activation, and of the gradients in them.
fn report_activation(layer: u32) { report(BAD_ACTIVATION, 127u - layer); }
fn report_delta(layer: u32) { report(BAD_DELTA, layer); }

// Looks at one row's loss.
fn watch_loss(loss: f32) {
  if ((bitcast<u32>(loss) & INFINITE) == INFINITE) {
    let others = seen;
    seen = vec4<u32>(bitcast<u32>(loss) & 0x7fffffffu);
    report(BAD_LOSS, 0u);
    seen = others;
  }
}

fn report_late(tensor: u32, rank: u32) {
  let code = code_of(tensor, rank);
  if (code != 0u && scalars.guard != UNGUARDED) { raise_flag(ENDED, (scalars.finished_steps << CODE_BITS) | code); }
}

// Whether an earlier step ended the training.
fn ended_before() -> bool {
  let ended = flag(ENDED);
  return ended != 0u && (ended ^ (scalars.finished_steps << CODE_BITS)) >> CODE_BITS != 0u;
}

// Whether the update of this step must not change anything, into `stands_still`.
fn look_at_flags() { look_at_flags_above(0u); }

// The same in front of the update, as far as kernels before this one saw: their codes are larger than `code`.
fn look_at_flags_above(code: u32) {
  let own = flag(scalars.finished_steps & 1u) > code;
  stands_still = scalars.guard == IDLE || (scalars.guard != UNGUARDED && (ended_before() || own));
}

// Whether the first code of a step comes from the scale of its loss.
fn overflowed(code: u32, scale: f32) -> bool { return code >> 8u == BAD_DELTA && scale > 1.0; }

// One invocation ends the step: gives its first code, and makes room for the next step's.
fn end_step(loss: f32, scale: f32) -> u32 {
  if (scalars.guard == UNGUARDED) { return 0u; }
  look_at_flags();
  let early = flag(scalars.finished_steps & 1u);
  set_flag(1u - (scalars.finished_steps & 1u), 0u);
  let overflow = overflowed(early, scale);
  if (early != 0u && !overflow && scalars.guard == STOP && flag(ENDED) == 0u) {
    set_flag(ENDED, (scalars.finished_steps << CODE_BITS) | early);
  }
  if (!stands_still) {
    seen = vec4<u32>(bitcast<u32>(loss) & 0x7fffffffu);
    report_late(BAD_SUM, 0u);
  }
  return early | select(0u, OVERFLOW, overflow);
}
