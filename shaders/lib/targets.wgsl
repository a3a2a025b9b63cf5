// What a data row wants and how much it counts: its targets, and its weight behind them.

override OUTPUTS: u32;
override TARGETS: u32;        // values of a row's target
override TARGET_CLASS: bool;  // targets are class numbers, else TARGETS floats a row
override TARGET_STRIDE: u32;  // words of a row: its targets, then its weights
override WEIGHT_WORD: u32;    // which word is the row's weight; 0: all rows weigh 1
override MASKED: bool;        // a target that is NaN does not count

@group(0) @binding(3) var<storage, read> targets: array<u32>;

// The target of output j of the data row `index`; a class number is one-hot, or itself where there is one output.
fn target_value(index: u32, j: u32) -> f32 {
  if (TARGET_CLASS) {
    let class_number = targets[index * TARGET_STRIDE];
    return select(select(0.0, 1.0, class_number == j), f32(class_number), OUTPUTS == 1u);
  }
  return bitcast<f32>(targets[index * TARGET_STRIDE + j]);
}

// Whether target j of a row counts; by its bits, since no comparison finds a NaN.
fn target_counts(index: u32, j: u32) -> bool {
  return !MASKED || (targets[index * TARGET_STRIDE + j] & 0x7fffffffu) <= 0x7f800000u;
}

// How much a data row counts.
fn row_weight(index: u32) -> f32 {
  if (WEIGHT_WORD == 0u) { return 1.0; }
  return bitcast<f32>(targets[index * TARGET_STRIDE + WEIGHT_WORD]);
}
