/** Damages of the executors. */
import { cpu, dawn, unit } from './tests.mjs';

export const run = [
  {
    file: 'src/run/cpu.ts',
    find: 'early !== 0 && !overflow && guard',
    replace: 'early !== 0 && guard',
    tests: cpu('the scale of the loss falls and grows'),
    why: 'mixed precision: a scale that is too large ends the training',
  },
  {
    file: 'src/run/guard.ts',
    find: 'Number(Number.isNaN(worst))',
    replace: 'Number(worst > 0)',
    tests: cpu('guard: plain: bad numbers'),
    why: 'guard: whether it is NaN or infinity',
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
    file: 'src/run/best.ts',
    find: 'averages * slabs.params.all, slabs.params.all',
    replace: '0, slabs.params.all',
    tests: unit('train/early-stopping'),
    why: 'early stopping: the moving averages',
  },
  {
    file: 'src/run/memory.ts',
    find: 'total <= budget',
    replace: 'total <= 2 * budget',
    tests: unit('train/memory'),
    why: 'memory: the budget',
  },
  {
    file: 'src/run/feed.ts',
    find: 'n < (k + 1) * this.models',
    replace: 'n < k * this.models + 1',
    tests: cpu('folds: each has the bits'),
    why: 'folds: where an update ends that takes more mini-batches in one of them',
  },
  {
    file: 'src/run/guard.ts',
    find: 'Math.min(rows, looked.rows) * stride',
    replace: '(rows > looked.rows ? 0 : rows) * stride',
    tests: cpu('guard: plain: norms and embeddings'),
    why: 'guard: the same in the plain loops',
  },
  {
    file: 'src/run/cpu.ts',
    find: " || step.kernel === 'max_norm'",
    replace: '',
    tests: unit('train/max-norm'),
    why: 'max-norm: a step that changes nothing',
  },
];
