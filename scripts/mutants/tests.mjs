/** What to run for a damage: files, or the cases of a file by their names. */
export const unit = (...files) => ['--project', 'unit', ...files.map((name) => `test/${name}.test.ts`)];
export const golden = (name) => [...unit('kernels/golden-training'), '-t', name];
export const measured = unit('train/metrics');
/** The bookkeeping of many models. */
export const sweeps = unit('train/sweep', 'train/sweep-file', 'io/sweep');
export const cpu = (name) => ['--project', 'contract', 'test/runtimes/cpu.test.ts', '-t', name];
export const dawn = (name) => ['--project', 'contract', 'test/runtimes/dawn', '-t', name];
