/** Damages the code one token at a time, and looks whether a test notices: tests that cannot fail prove nothing. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, runPackage, say } from './process.mjs';

/** What to run for a damage: files, or vitest's other arguments. */
const math = ['--project', 'unit', 'test/math'];
const plan = ['--project', 'unit', 'test/plan', 'test/kernels'];
const train = ['--project', 'unit', 'test/train', 'test/kernels'];
/** What a long run lives by: snapshots, bad numbers, lost devices, memory. */
const runs = ['guard', 'rollback', 'recovery', 'snapshot', 'memory'].map((name) => `test/train/${name}.test.ts`);
const reliability = ['--project', 'unit', ...runs];
const golden = (name) => ['--project', 'unit', 'test/kernels/golden-training.test.ts', '-t', name];
const measured = ['--project', 'unit', 'test/train/metrics.test.ts'];
const cpu = (name) => ['--project', 'contract', 'test/runtimes/cpu.test.ts', '-t', name];
const dawn = (name) => ['--project', 'contract', 'test/runtimes/dawn', '-t', name];

/** `find` stands exactly once in `file`; with `replace` in its place, `tests` must turn red. */
export const mutants = [
  {
    file: 'shaders/rank_rows.wgsl',
    find: 'other == own && j < truth',
    replace: 'other == own && j > truth',
    tests: dawn('metrics: two classes'),
    why: 'metrics: which of equal scores comes first',
  },
  {
    file: 'shaders/tally_classes.wgsl',
    find: 'ranks || u32(marks.x) == id.x',
    replace: 'ranks || u32(marks.y) == id.x',
    tests: dawn('metrics: two classes'),
    why: 'metrics: true classes by row',
  },
  {
    file: 'shaders/tally_targets.wgsl',
    find: 'select(0u, 2u, y > THRESHOLD)',
    replace: 'select(0u, 2u, y >= 0.0)',
    tests: dawn('metrics: (yes and no|hinge)'),
    why: 'metrics: from where on a target is a yes',
  },
  {
    file: 'shaders/tally_targets.wgsl',
    find: 'abs(e), e * e',
    replace: 'abs(e), abs(e)',
    tests: dawn('metrics: one number'),
    why: 'metrics: squared errors',
  },
  {
    file: 'src/math/metrics.ts',
    find: 'noes + others / 2',
    replace: 'noes + others',
    tests: measured,
    why: 'metrics: equal scores count a half',
  },
  {
    file: 'src/math/metrics.ts',
    find: '(distance * weight) / total',
    replace: 'distance / count',
    tests: measured,
    why: 'metrics: the mean of targets by weight',
  },
  {
    file: 'src/train/evaluate.ts',
    find: 'GUARD.off, from - first',
    replace: 'GUARD.off, from',
    tests: measured,
    why: 'metrics: each part is counted anew',
  },
  {
    file: 'src/train/evaluate.ts',
    find: 'engine.evaluations.then(evaluate)',
    replace: 'evaluate()',
    tests: measured,
    why: 'metrics: one evaluation at a time',
  },
  {
    file: 'src/math/loss_scale.ts',
    find: 'good === LOSS_SCALE.interval',
    replace: 'good > LOSS_SCALE.interval',
    tests: math,
    why: 'mixed precision: one good step too many before the scale grows',
  },
  {
    file: 'src/math/half.ts',
    find: '0xfff + ((word >>> 13) & 1)',
    replace: '0x1000',
    tests: math,
    why: 'mixed precision: halves rounded up half-way',
  },
  {
    file: 'src/run/cpu.ts',
    find: 'early !== 0 && !overflow && guard',
    replace: 'early !== 0 && guard',
    tests: cpu('the scale of the loss falls and grows'),
    why: 'mixed precision: a scale that is too large ends the training',
  },
  {
    file: 'src/train/params.ts',
    find: 'await executor.write(SCALER, scaler.values, model)',
    replace: 'await executor.write(SCALER, Float32Array.of(LOSS_SCALE.start, 0), model)',
    tests: cpu('layered: mixed precision, gradients summed and clipped'),
    why: 'mixed precision: a file whose scale is not taken up',
  },
  {
    file: 'src/run/guard.ts',
    find: 'Number(Number.isNaN(worst))',
    replace: 'Number(worst > 0)',
    tests: cpu('guard: plain: bad numbers'),
    why: 'guard: whether it is NaN or infinity',
  },
  {
    file: 'src/train/recovery.ts',
    find: '++this.#losses > LOSSES',
    replace: '++this.#losses > LOSSES + 1',
    tests: reliability,
    why: 'recovery: one loss more than may be',
  },
  {
    file: 'src/train/recovery.ts',
    find: 'engine.past.landed !== this.#at ||',
    replace: '',
    tests: reliability,
    why: 'recovery: losses with steps in between',
  },
  {
    file: 'src/data/stream/learn.ts',
    find: 'column.first + column.sum / trainRows',
    replace: 'column.first + column.sum / count',
    tests: ['--project', 'unit', 'test/cli/stream.test.ts'],
    why: 'stream: the mean of the training rows',
  },
  {
    file: 'src/data/stream/part.ts',
    find: 'starts.filter((start) => start < rows)',
    replace: 'starts',
    tests: ['--project', 'unit', 'test/cli/stream.test.ts'],
    why: 'stream: blocks that are only test rows',
  },
  {
    file: 'src/data/stream/parquet-guard.ts',
    find: 'values < count - seen + 8',
    replace: 'values < Infinity',
    tests: ['--project', 'unit', 'test/data/stream.test.ts', '-t', 'Parquet'],
    why: 'Parquet: runs of more values than there are',
  },
  {
    file: 'src/data/stream/thrift.ts',
    find: 'size.value > view.byteLength - size.at',
    replace: 'size.value > Infinity',
    tests: ['--project', 'unit', 'test/data/stream.test.ts', '-t', 'Parquet'],
    why: 'Parquet: lists of more than there is',
  },
  {
    file: 'src/run/webgpu/executor.ts',
    find: 'kept ?? this.#readback.metrics(metrics.size, copy)',
    replace: "kept ?? this.#buffers.make('staging', 'back', metrics.size, 0x9)",
    tests: dawn('any call of WebGPU may fail'),
    why: 'memory: a buffer for metrics that nobody asks after',
  },
  {
    file: 'src/run/webgpu/executor.ts',
    find: '!buffer || !this.#buffers.has(buffer)',
    replace: '!buffer',
    tests: dawn('any call of WebGPU may fail'),
    why: 'memory: a table that was given back is made again',
  },
  {
    file: 'src/run/webgpu/buffers.ts',
    find: 'if (full) throw',
    replace: 'if (full && !refused) throw',
    tests: dawn('any call of WebGPU may fail'),
    why: 'memory: what lacks it is refused besides',
  },
  {
    file: 'src/train/outcome.ts',
    find: 'decode(code).late || slabs.statistics.all > 0',
    replace: 'decode(code).late',
    tests: reliability,
    why: 'guard: statistics that a bad step has moved',
  },
  {
    file: 'src/train/sums.ts',
    find: 'code !== 0 && models.length === 1',
    replace: 'code !== 0 && models.length === 0',
    tests: reliability,
    why: 'guard: a file of a step that was not reached',
  },
  {
    file: 'src/train/rollback.ts',
    find: 'before * factor',
    replace: 'factor',
    tests: reliability,
    why: 'rollback: the scale of several',
  },
  {
    file: 'src/train/rollback.ts',
    find: 'tried >= attempts',
    replace: 'tried > attempts',
    tests: reliability,
    why: 'rollback: how often it is tried',
  },
  {
    file: 'src/train/create.ts',
    find: 'restore(optimizer, counters, { point, best })',
    replace: 'restore(optimizer, counters, { best })',
    tests: reliability,
    why: 'resume: the place to go back to',
  },
  {
    file: 'src/train/snapshot.ts',
    find: 'epochRows > 0 && Number.isFinite(epochLoss)',
    replace: 'epochRows < 0 && Number.isFinite(epochLoss)',
    tests: cpu('resume: sgd, '),
    why: 'resume: the losses of the epoch so far',
  },
  {
    file: 'src/math/plateau.ts',
    find: 'if (cooldown > 0)',
    replace: 'if (cooldown > 1)',
    tests: [...math, 'test/train/plateau.test.ts'],
    why: 'reduceOnPlateau: epochs that do not count',
  },
  {
    file: 'src/math/plateau.ts',
    find: 'best < 0 === lower',
    replace: '!lower',
    tests: [...math, 'test/train/plateau.test.ts'],
    why: 'reduceOnPlateau: the threshold below 0',
  },
  {
    file: 'src/train/decide.ts',
    find: 'again: async () => decide(engine, changes)',
    replace: 'again: async () => {}',
    tests: reliability,
    why: 'recovery: what was decided between epochs',
  },
  {
    file: 'src/train/fit.ts',
    find: 'if (judged && Number.isFinite(loss))',
    replace: 'if (judged && loss < 0)',
    tests: ['--project', 'unit', 'test/train/plateau.test.ts'],
    why: 'resume: an epoch that was not judged',
  },
  {
    file: 'src/train/decide.ts',
    find: 'again: () => decideBest(engine, deed, changes)',
    replace: 'again: async () => {}',
    tests: reliability,
    why: 'early stopping: a copy that is made again',
  },
  {
    file: 'src/run/best.ts',
    find: 'averages * slabs.params.all, slabs.params.all',
    replace: '0, slabs.params.all',
    tests: ['--project', 'unit', 'test/train/early-stopping.test.ts'],
    why: 'early stopping: the moving averages',
  },
  {
    file: 'src/train/early-stopping.ts',
    find: 'gain <= minDelta',
    replace: 'gain < minDelta',
    tests: ['--project', 'unit', 'test/train/early-stopping.test.ts'],
    why: 'early stopping: an epoch that is as good as the best',
  },
  {
    file: 'src/train/create.ts',
    find: '{ point, best }',
    replace: '{ point }',
    tests: ['--project', 'unit', 'test/train/early-stopping.test.ts'],
    why: 'early stopping: the best weights of a file',
  },
  {
    file: 'src/train/hold-out.ts',
    find: 'held: new Selection(of, [test])',
    replace: 'held: new Selection(of, [train])',
    tests: ['--project', 'unit', 'test/train/hold-out.test.ts'],
    why: 'validation split: the rows that are held out',
  },
  {
    file: 'src/train/hold-out.ts',
    find: 'of === data ||',
    replace: 'of !== data ||',
    tests: ['--project', 'unit', 'test/train/hold-out.test.ts'],
    why: 'validation split: rows that are given back',
  },
  {
    file: 'src/train/callbacks.ts',
    find: '[true, error, true]',
    replace: '[true, error, false]',
    tests: ['--project', 'unit', 'test/train/callbacks.test.ts'],
    why: 'callbacks: what is thrown ends the training',
  },
  {
    file: 'src/run/memory.ts',
    find: 'total <= budget',
    replace: 'total <= 2 * budget',
    tests: reliability,
    why: 'memory: the budget',
  },
  {
    file: 'src/train/past.ts',
    find: '(deed.end ?? this.landed) - doer',
    replace: 'this.landed - doer',
    tests: reliability,
    why: 'recovery: where a training ended that is done again',
  },
  {
    file: 'src/train/snapshot.ts',
    find: 'this.#waiting.counters.step > step',
    replace: 'this.#waiting.counters.step > step + 1000',
    tests: reliability,
    why: 'recovery: a snapshot of steps that did not come back',
  },
  {
    file: 'src/train/source.ts',
    find: 'epoch * own + Math.min(position, own)',
    replace: 'epoch * batchesPerEpoch + Math.min(position, own)',
    tests: cpu('folds: each has the bits'),
    why: 'folds: the updates of one that has fewer',
  },
  {
    file: 'src/train/source.ts',
    find: 'indices[i] = own[indices[i]!]!',
    replace: 'indices[i] = own[i]!',
    tests: cpu('folds: each has the bits'),
    why: 'folds: the rows of one',
  },
  {
    file: 'src/run/feed.ts',
    find: 'n < (k + 1) * this.models',
    replace: 'n < k * this.models + 1',
    tests: cpu('folds: each has the bits'),
    why: 'folds: where an update ends that takes more mini-batches in one of them',
  },
  {
    file: 'src/train/updates.ts',
    find: 'const first = Math.min(row, rows);',
    replace: 'const first = row;',
    tests: cpu('folds: each has the bits'),
    why: 'folds: mini-batches of an update that one of them does not have',
  },
  {
    file: 'src/train/cross-validate.ts',
    find: 'refitColumns(columns!, x, rows, WHO)',
    replace: 'refitColumns(columns!, x, again, WHO)',
    tests: ['--project', 'unit', 'test/train/cross-validate.test.ts'],
    why: 'folds: columns that know of the rows held out',
  },
  {
    file: 'src/data/folds.ts',
    find: 'order.sort((a, b) => classes[a]! - classes[b]!)',
    replace: 'order.sort((a, b) => classes[a]! - classes[a]!)',
    tests: ['--project', 'unit', 'test/data/folds.test.ts'],
    why: 'folds: the share of every class',
  },
  {
    file: 'src/train/evaluate.ts',
    find: 'own ? own[from + i]! : from + i',
    replace: 'from + i',
    tests: ['--project', 'unit', 'test/train/cross-validate.test.ts'],
    why: 'folds: the rows that one is tested on',
  },
  {
    file: 'src/math/norms.ts',
    find: 'g - shift - n * turn',
    replace: 'g - n * turn',
    tests: plan,
    why: 'the mean of the gradient in a norm',
  },
  {
    file: 'src/kernels/batch_norm_forward.ts',
    find: 'rows / Math.max(rows - 1, 1)',
    replace: 'rows / Math.max(rows, 1)',
    tests: plan,
    why: 'the running variance is unbiased',
  },
  {
    file: 'src/plan/lower.ts',
    find: 'd_x: d_past }',
    replace: 'd_x: to.delta(into, inputs) }',
    tests: plan,
    why: 'the way down past a block',
  },
  {
    file: 'src/plan/fuse.ts',
    find: "bent = through && activation?.kernel === 'activation_backward' && feeds(back.writes.d_x!, activation, steps)",
    replace: "bent = through && activation?.kernel === 'activation_backward'",
    tests: plan,
    why: 'a delta that two steps read',
  },
  {
    file: 'shaders/lib/row_norm.wgsl',
    find: '(x_at(row, four) - mean) * real_columns(four)',
    replace: '(x_at(row, four) - mean)',
    tests: dawn('plain: layers layerNorm of 65'),
    why: 'the padding behind the last column',
  },
  {
    file: 'shaders/lib/network_norms.wgsl',
    find: 'sum += normalized(stage, row, four) * real_columns(stage, four);',
    replace: 'sum += normalized(stage, row, four);',
    tests: dawn('row-fused: layers behind a sigmoid'),
    why: 'the same inside a workgroup',
  },
  {
    file: 'shaders/lib/network.wgsl',
    find: 'tile[0] *= kept(above, four);',
    replace: 'tile[0] *= kept(above, item);',
    tests: dawn('row-fused: layers behind a sigmoid'),
    why: 'the mask on the way down, also behind the rows of the first workgroup',
  },
  {
    file: 'shaders/batch_norm_backward.wgsl',
    find: 'select(vec4<f32>(), d_x, row < scalars.rows)',
    replace: 'd_x',
    tests: dawn('plain: layers batchNorm of 3, 62 rows'),
    why: 'rows that are padding have no delta',
  },
  {
    file: 'shaders/lib/random.wgsl',
    find: '0xcd9e8d57u',
    replace: '0xcd9e8d59u',
    tests: dawn('random numbers'),
    why: 'a multiplier of Philox on the GPU',
  },
  { file: 'src/math/random.ts', find: '0xd2511f53', replace: '0xd2511f55', tests: math, why: 'a multiplier of Philox' },
  {
    file: 'src/math/product.ts',
    find: 's32 += a3 * b2',
    replace: 's32 += a3 * b1',
    tests: math,
    why: 'one sum of a tile',
  },
  {
    file: 'src/plan/lower.ts',
    find: 'fromOutput ? a : z',
    replace: 'fromOutput ? z : a',
    tests: plan,
    why: "the derivative's argument",
  },
  {
    file: 'src/plan/fuse.ts',
    find: 'columns > HEAD_MAX_OUTPUTS',
    replace: 'columns < HEAD_MAX_OUTPUTS',
    tests: plan,
    why: 'when the head fits',
  },
  {
    file: 'src/kernels/loss.ts',
    find: '(gradient[j]! * weight) / sum',
    replace: 'gradient[j]! * weight * sum',
    tests: train,
    why: 'the mean over the rows',
  },
  {
    file: 'shaders/lib/block.wgsl',
    find: 'left.r2.y * right.r2',
    replace: 'left.r2.y * right.r1',
    tests: dawn('layered: variant 8x8$'),
    why: 'one product of the tile',
  },
  {
    file: 'shaders/fused_forward.wgsl',
    find: 'BIAS_OFFSET + column',
    replace: 'BIAS_OFFSET',
    tests: dawn('layered: variant 8x8$'),
    why: 'whose bias it is',
  },
  {
    file: 'shaders/lib/product_8x8.wgsl',
    find: 'd = add_product(d, lower, far)',
    replace: 'd = add_product(d, lower, near)',
    tests: dawn('layered: variant 8x8$'),
    why: 'a quarter of the tile',
  },
  {
    file: 'shaders/lib/product_shared.wgsl',
    find: 'subgroupBroadcast(lower, 2u)',
    replace: 'subgroupBroadcast(lower, 1u)',
    tests: dawn('layered: as on an emulated adapter'),
    why: 'whose rows are shown',
  },
  {
    file: 'shaders/fused_head.wgsl',
    find: 'z += x.x * load_weight(w) ',
    replace: 'z += x.y * load_weight(w) ',
    tests: dawn('layered: binary, class numbers'),
    why: 'a product of the logits',
  },
  {
    file: 'shaders/lib/gradient_tiles.wgsl',
    find: 'row < layer.inputs || is_bias(row)',
    replace: 'row < layer.inputs',
    tests: dawn('layered: variant 8x8$'),
    why: 'the gradient of the bias',
  },
  {
    file: 'shaders/lib/optimizer.wgsl',
    find: 'sqrt(square) * scalars.correction2',
    replace: 'sqrt(square) + scalars.correction2',
    tests: dawn('(layered|resident): optimizer .*adamW.*0.2}$'),
    why: "Adam's bias correction",
  },
  {
    file: 'shaders/lib/optimizer.wgsl',
    find: 'decay_factor() * p - change / denominator',
    replace: 'p - change / denominator',
    tests: dawn('(layered|resident): optimizer .*adamW.*0.2}$'),
    why: 'the decoupled decay',
  },
  {
    file: 'shaders/lib/loss.wgsl',
    find: 'select(sum - e, others, j == largest)',
    replace: 'select(sum - e, sum, j == largest)',
    tests: dawn('logit gaps'),
    why: 'the delta of the largest logit',
  },
  {
    file: 'shaders/lib/activation.wgsl',
    find: 'gate.x + x * gate.y',
    replace: 'gate.x - x * gate.y',
    tests: dawn('layered: activation '),
    why: "mish's second term",
  },
  {
    file: 'shaders/lib/loss.wgsl',
    find: '0.5 * weight * (1.0 - d * d * inverse)',
    replace: 'weight * (1.0 - d * d * inverse)',
    tests: dawn('(layered|resident): loss "gaussian'),
    why: 'the gradient of the log-variance',
  },
  {
    file: 'shaders/lib/test_functions.wgsl',
    find: '400.0 * x * b',
    replace: '200.0 * x * b',
    tests: dawn('(layered|resident): loss .*rosenbrock'),
    why: "Rosenbrock's slope",
  },
  {
    file: 'shaders/lib/optimizer.wgsl',
    find: 'abs(g) + scalars.epsilon_inside',
    replace: 'abs(g) - scalars.epsilon_inside',
    tests: dawn('(layered|resident): optimizer .*adamax.*0.1}$'),
    why: 'epsilon inside of the maximum',
  },
  {
    file: 'shaders/batch_norm_forward.wgsl',
    find: '  watch_float(variance);',
    replace: '',
    tests: dawn('guard: plain: norms and embeddings'),
    why: 'guard: a running variance beyond f32',
  },
  {
    file: 'src/run/guard.ts',
    find: 'Math.min(rows, looked.rows) * stride',
    replace: '(rows > looked.rows ? 0 : rows) * stride',
    tests: cpu('guard: plain: norms and embeddings'),
    why: 'guard: the same in the plain loops',
  },
  {
    file: 'src/math/max_norm.ts',
    find: 'limit / (norm + 1e-7)',
    replace: 'limit / norm',
    tests: golden('max-norm'),
    why: 'max-norm: the length it leaves',
  },
  {
    file: 'src/kernels/optimizer_update.ts',
    find: 'if (rule.maxNorm === 0) average',
    replace: 'average',
    tests: golden('max-norm'),
    why: 'max-norm: averages of what it leaves alone',
  },
  {
    file: 'src/run/cpu.ts',
    find: " || step.kernel === 'max_norm'",
    replace: '',
    tests: ['--project', 'unit', 'test/train/max-norm.test.ts'],
    why: 'max-norm: a step that changes nothing',
  },
  {
    file: 'shaders/max_norm.wgsl',
    find: 'let category = own * WORKGROUP + lane;',
    replace: 'let category = own + lane;',
    tests: dawn('plain: max-norm of tables'),
    why: 'max-norm: whose vector it is',
  },
  {
    file: 'shaders/lib/max_norm.wgsl',
    find: 'select(sqrt(sum.shrunk) / SHRINK, plain, finite)',
    replace: 'plain',
    tests: dawn('plain: max-norm of weights'),
    why: 'max-norm: squares beyond f32',
  },
  {
    file: 'shaders/resident.wgsl',
    find: 'limit == 0.0 || stands_still',
    replace: 'stands_still',
    tests: dawn('resident: max-norm by layer'),
    why: 'max-norm: weights without one, inside a workgroup',
  },
  {
    file: 'src/math/adam_optimizers.ts',
    find: 'momentumAt(o, step + 1)',
    replace: 'momentumAt(o, step)',
    tests: math,
    why: "NAdam's next momentum",
  },
];

const seconds = 300;

/** What no test reads, or what is made anew. */
const leftBehind = ['node_modules', '.git', 'dist', 'runs', '.gpu', 'coverage'];

/** A copy of the tree to damage; the packages are shared. */
function copyTree() {
  const copy = mkdtempSync(join(tmpdir(), 'downhill-mutants-'));
  for (const name of readdirSync(root)) {
    if (!leftBehind.includes(name)) cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction');
  return copy;
}

/** Runs tests in the copy until the first that fails. */
function runTests(copy, tests) {
  return runPackage('vitest/vitest.mjs', ['run', '--bail=1', ...tests], { cwd: copy, output: 'keep', seconds });
}

/** The first line in which vitest names a test that failed. */
function firstFailure(output) {
  const plain = output.replace(/\p{Cc}\[[0-9;]*m/gu, '');
  return /^\s*FAIL\s+(.*)$/m.exec(plain)?.[1] ?? plain.trim().split('\n').at(-1);
}

/** Damages the copy, runs the tests, mends it. Returns whether a test noticed. */
async function tryMutant(copy, { file, find, replace, tests, why }) {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  const hits = text.split(find).length - 1;
  if (hits !== 1) {
    say(`FAILED: ${file} has "${find}" ${hits} times, expected once (${why})`);
    return false;
  }
  writeFileSync(
    path,
    text.replace(find, () => replace),
  );
  const { code, output, timedOut } = await runTests(copy, tests);
  writeFileSync(path, text);
  if (code === 0) say(`FAILED: no test noticed "${find}" → "${replace}" in ${file} (${why})`);
  else say(`passed: ${file}, ${why}: ${timedOut ? 'the tests never ended' : firstFailure(output)}`);
  return code !== 0;
}

/** Tries all mutants, or those whose file or reason contains a word of `words`. Returns `{ passed, failed, skipped }`. */
export async function runMutants(words = []) {
  const chosen = mutants.filter(
    ({ file, why }) => words.length === 0 || words.some((word) => `${file} ${why}`.includes(word)),
  );
  const tally = { passed: 0, failed: 0, skipped: mutants.length - chosen.length };
  const copy = copyTree();
  try {
    for (const tests of new Set(chosen.map((mutant) => mutant.tests))) {
      const { code, output } = await runTests(copy, tests);
      if (code === 0) continue;
      say(`FAILED: ${tests.join(' ')} is red without any damage: ${firstFailure(output)}`);
      return { ...tally, failed: chosen.length };
    }
    for (const mutant of chosen) {
      if (await tryMutant(copy, mutant)) tally.passed++;
      else tally.failed++;
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  return tally;
}
