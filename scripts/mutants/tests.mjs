/** What to run for a damage: files, or vitest's other arguments. */
export const math = ['--project', 'unit', 'test/math'];
export const plan = ['--project', 'unit', 'test/plan', 'test/kernels'];
export const train = ['--project', 'unit', 'test/train', 'test/kernels'];
/** What a long run lives by: snapshots, bad numbers, lost devices, memory. */
const runs = ['guard', 'rollback', 'recovery', 'recovery-end', 'snapshot', 'memory'].map(
  (name) => `test/train/${name}.test.ts`,
);
export const reliability = ['--project', 'unit', ...runs];
/** The bookkeeping of many models. */
export const sweeps = [
  '--project',
  'unit',
  'test/train/sweep.test.ts',
  'test/train/sweep-file.test.ts',
  'test/io/sweep.test.ts',
];
export const golden = (name) => ['--project', 'unit', 'test/kernels/golden-training.test.ts', '-t', name];
export const measured = ['--project', 'unit', 'test/train/metrics.test.ts'];
export const cpu = (name) => ['--project', 'contract', 'test/runtimes/cpu.test.ts', '-t', name];
export const dawn = (name) => ['--project', 'contract', 'test/runtimes/dawn', '-t', name];
export const sameData = ['--project', 'unit', 'test/train/same-data.test.ts'];
