// Forward, loss and backward of some rows through all stages, by one workgroup, with a barrier between stages.
// The kernel that uses this provides `first_row()`, `barrier()`, and where things lie: `load_weight(i)`, `load_act(i)`,
// `store_act(i, value)`, `load_delta(i)`, `store_delta(i, value)`, `put_delta_at(i, column, value)`.
// uses: lib/scalars.wgsl, lib/guard.wgsl, lib/input_{u8,f32}.wgsl, lib/activation.wgsl, lib/loss.wgsl
// uses: lib/tile_{4x4,8x8}.wgsl, lib/random.wgsl, lib/network_norms.wgsl

override WORKGROUP: u32 = 64;
override ROWS: u32;              // of the mini-batch, padding included
override GROUP_ROWS: u32;        // rows that a workgroup takes
override STAGES: u32;
override FIRST: u32;             // the first stage with weights
override IN_FOURS: u32;          // inputs of the network / 4, rounded up
override OUT_FOURS: u32;         // outputs / 4, rounded up
override X_OFFSET: u32;          // where the mini-batch is copied to
override METRICS_OFFSET: u32;
override ALL_DENSE: bool;        // every stage is a dense layer
override DRAWS: bool;            // some stage drops or adds noise
override DROPOUT_STREAM: u32;
override NOISE_STREAM: u32;
override MIXED: bool;            // stages have different activations, else `ACTIVATION` or none
override ACTIVATION: u32;

// A row of the workgroup in the mini-batch; those past its end repeat the last.
fn inside(row: u32) -> u32 {
  return min(first_row() + row, ROWS - 1u);
}

fn logit(row: u32, j: u32) -> f32 {
  return load_act(stages.rows[STAGES - 1u].a + (first_row() + row) * OUT_FOURS + j / 4u)[j % 4u];
}

fn put_delta(row: u32, j: u32, value: f32) {
  watch(vec4<f32>(value, 0.0, 0.0, 0.0));
  put_delta_at(stages.rows[STAGES - 1u].delta + (first_row() + row) * OUT_FOURS + j / 4u, j % 4u, value);
}

// Copies the rows of the data set, runs them through the network, and leaves the deltas of all stages and the metrics
// of all rows.
fn forward_and_backward(lane: u32) {
  for (var item = lane; item < GROUP_ROWS * IN_FOURS; item += WORKGROUP) {
    let row = inside(item / IN_FOURS);
    let column = item % IN_FOURS;
    store_act(X_OFFSET + row * IN_FOURS + column, input_four(row_index(row) * IN_FOURS + column));
  }
  barrier();
  for (var stage = 0u; stage < STAGES; stage++) {
    forward(stage, lane);
    barrier();
  }
  for (var row = lane; row < GROUP_ROWS; row += WORKGROUP) {
    if (first_row() + row >= ROWS) { break; }
    let row_metrics = loss_row(row);
    watch_loss(row_metrics.x);
    store_delta(METRICS_OFFSET + first_row() + row, row_metrics);
    for (var j = OUTPUTS; j < OUT_FOURS * 4u; j++) { put_delta(row, j, 0.0); }
  }
  report_delta(stages.rows[STAGES - 1u].delta_layer);
  barrier();
  for (var above = STAGES; above > FIRST; above--) {
    // The delta of the outputs is there already, but for the slope of an activation of the last stage.
    if (above == STAGES && stages.rows[STAGES - 1u].activation == LINEAR) { continue; }
    backward(above, lane);
    barrier();
  }
  if (is_norm(FIRST)) {
    for (var row = lane; row < GROUP_ROWS && first_row() + row < ROWS; row += WORKGROUP) { take_row_back(FIRST, row); }
    barrier();
  }
}

fn is_dense(stage: u32) -> bool {
  return ALL_DENSE || stages.rows[stage].kind == DENSE;
}

fn activation_of(stage: u32) -> u32 {
  if (MIXED) { return stages.rows[stage].activation; }
  return ACTIVATION;
}

// Four numbers of a stage without weights, from `four` on in its tensor.
fn drawn(stage: u32, four: u32, x: vec4<f32>) -> vec4<f32> {
  if (DRAWS && stages.rows[stage].kind == DROPOUT) { return x * kept(stage, four); }
  if (DRAWS && stages.rows[stage].kind == NOISE) {
    let draws = draws_of(stage, four, NOISE_STREAM);
    let noise = noise_four(draws, four % stages.rows[stage].in_fours, stages.rows[stage].inputs);
    return x + stages.rows[stage].amount * noise;
  }
  return x;
}

fn kept(stage: u32, four: u32) -> vec4<f32> {
  return kept_four(draws_of(stage, four, DROPOUT_STREAM), stages.rows[stage].threshold, stages.rows[stage].amount);
}

fn draws_of(stage: u32, four: u32, stream: u32) -> vec4<u32> {
  return draw_four(scalars.first_row * stages.rows[stage].out_fours + four, stream, stages.rows[stage].number);
}

// One stage up: the tiles of z, of a norm its rows, and the activation on each.
fn forward(stage: u32, lane: u32) {
  let out_fours = stages.rows[stage].out_fours;
  let dense = is_dense(stage);
  let norm = is_norm(stage);
  let column_tiles = (out_fours + TILE_FOURS - 1u) / TILE_FOURS;
  let alone = GROUP_ROWS * select(out_fours, 1u, norm);
  let items = select(alone, (GROUP_ROWS + TILE_ROWS - 1u) / TILE_ROWS * column_tiles, dense);
  let count = select(select(1u, out_fours, norm), TILE_ROWS * TILE_FOURS, dense);
  let bends = stages.rows[stage].activation != LINEAR;
  for (var item = lane; item < items; item += WORKGROUP) {
    if (dense) {
      forward_tile(stage, item);
    } else if (norm) {
      if (first_row() + item >= ROWS) { continue; }
      take_row(stage, item);
    } else {
      let four = inside(item / out_fours) * out_fours + item % out_fours;
      take_four(item, out_fours, drawn(stage, four, load_act(stages.rows[stage].x + four)));
    }
    for (var i = 0u; i < count; i++) {
      let row = select(tile_row + i / TILE_FOURS, item, norm);
      let column = select(tile_column + i % TILE_FOURS, i, norm);
      if (row >= GROUP_ROWS || first_row() + row >= ROWS || column >= out_fours) { continue; }
      let at = (first_row() + row) * out_fours + column;
      var a: vec4<f32>;
      if (norm) { a = norm_forward(stage, row, i); } else { a = tile[i]; }
      if (first_row() + row < scalars.rows) { watch(a); }
      if (bends) {
        if (stages.rows[stage].z != NONE) { store_act(stages.rows[stage].z + at, a); }
        a = activate_four(activation_of(stage), a, bitcast<f32>(stages.rows[stage].parameter));
      }
      store_act(stages.rows[stage].a + at, a);
    }
  }
  report_activation(stages.rows[stage].layer);
}

// One stage down: the gradient in the output of the stage below `above`, and its activation's slope on each.
fn backward(above: u32, lane: u32) {
  let stage = above - 1u;
  let fours = stages.rows[stage].out_fours;
  let dense = above < STAGES && is_dense(above);
  let norm = above < STAGES && is_norm(above);
  let alone = GROUP_ROWS * select(fours, 1u, norm);
  let items = select(alone, (GROUP_ROWS + TILE_ROWS - 1u) / TILE_ROWS * fours, dense);
  let count = select(select(1u, fours, norm), TILE_ROWS, dense);
  let drops = DRAWS && above < STAGES && stages.rows[above].kind == DROPOUT;
  let given = stages.rows[min(above, STAGES - 1u)].delta;
  let bends = stages.rows[stage].activation != LINEAR;
  for (var item = lane; item < items; item += WORKGROUP) {
    if (dense) {
      backward_tile(above, item);
    } else if (norm) {
      if (first_row() + item >= ROWS) { continue; }
      take_row_back(above, item);
    } else {
      let four = inside(item / fours) * fours + item % fours;
      take_four(item, fours, load_delta(given + four));
      if (drops) { tile[0] *= kept(above, four); }
    }
    for (var i = 0u; i < count; i++) {
      let row = select(tile_row + i, item, norm);
      if (row >= GROUP_ROWS || first_row() + row >= ROWS) { break; }
      let at = (first_row() + row) * fours + select(tile_column, i, norm);
      var delta: vec4<f32>;
      if (norm) { delta = norm_backward(above, row, i); } else { delta = tile[i]; }
      if (bends) {
        let x = load_act(stages.rows[stage].bent + at);
        delta *= activation_derivative_four(activation_of(stage), x, bitcast<f32>(stages.rows[stage].parameter));
      }
      if (first_row() + row < scalars.rows) { watch(delta); }
      store_delta(stages.rows[stage].delta + at, delta);
    }
  }
  report_delta(stages.rows[stage].delta_layer);
}

// A tile of one vec4, for a stage without weights.
fn take_four(item: u32, columns: u32, value: vec4<f32>) {
  tile[0] = value;
  tile_row = item / columns;
  tile_column = item % columns;
}
