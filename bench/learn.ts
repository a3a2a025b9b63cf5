/** How long an epoch of the built-in digits takes, and how long it is until 95 % of unseen ones are right. */
import { GENERATORS } from 'downhill';
import type { Engine } from './engine.ts';
import { type Candidate, candidates, type Host, type Settings } from './measure.ts';
import { digitsProblem, largest, type Problem } from './problem.ts';
import type { LearningRow, LeftOut } from './results.ts';
import { median } from './statistics.ts';
import type { Workload } from './workload.ts';

const WANTED = 0.95;
/** Steps after which it is known whether an epoch takes too long. */
const TRIED = 4;

export async function learn(
  workload: Workload,
  engines: readonly Engine[],
  settings: Settings,
  host: Host,
): Promise<{ learning: LearningRow[]; leftOut: LeftOut[] }> {
  const problem = digitsProblem(workload, GENERATORS.digits);
  const learning: LearningRow[] = [];
  const leftOut: LeftOut[] = [];
  for (const candidate of candidates(engines, settings)) {
    const { engine, strategy } = candidate;
    try {
      const result = await learnWith(candidate, problem, settings);
      if (typeof result === 'string') {
        leftOut.push({ workload: workload.id, engine: engine.name, strategy, reason: result });
        host.log(`  ${engine.name} ${strategy}: left out, ${result}`);
        continue;
      }
      learning.push(result);
      const { epochMs, msTo95, accuracy } = result;
      const reached =
        msTo95 === null
          ? `not at 95 % but ${(100 * accuracy).toFixed(1)}`
          : `95 % after ${(msTo95 / 1e3).toFixed(2)} s`;
      host.log(`  ${engine.name} ${strategy}: ${(epochMs / 1e3).toFixed(2)} s an epoch, ${reached}`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      leftOut.push({ workload: workload.id, engine: engine.name, strategy, reason });
      host.log(`  ${engine.name} ${strategy}: left out, ${reason}`);
    }
  }
  return { learning, leftOut };
}

/** One row, or why there is none. */
async function learnWith(
  { engine, strategy }: Candidate,
  problem: Problem,
  { epochs, engineMs }: Settings,
): Promise<LearningRow | string> {
  const start = performance.now();
  const session = await engine.open(problem, strategy);
  try {
    if (!session.outputs) return 'it gives no outputs';
    await session.run(TRIED);
    const tried = performance.now();
    await session.run(TRIED);
    const guess = ((performance.now() - tried) / TRIED) * problem.resident;
    if (guess > engineMs) return `an epoch takes about ${(guess / 1e3).toFixed(0)} s`;
    const times: number[] = [];
    let accuracy = 0;
    let done = 2 * TRIED;
    for (let epoch = 0; epoch < epochs; epoch++) {
      const steps = problem.resident - done;
      const begin = performance.now();
      await session.run(steps);
      times.push(((performance.now() - begin) / steps) * problem.resident);
      done = 0;
      accuracy = await accuracyOn(problem, (x, rows) => session.outputs!(x, rows));
      const ms = performance.now() - start;
      const row = { engine: engine.name, strategy, epochMs: median(times), epochs: epoch + 1, accuracy };
      if (accuracy >= WANTED) return { ...row, msTo95: ms };
      if (epoch + 1 === epochs || ms > engineMs) return { ...row, msTo95: null };
    }
    return 'no epoch was asked for';
  } finally {
    await session.dispose();
  }
}

async function accuracyOn(
  { test, workload }: Problem,
  outputs: (x: Float32Array, rows: number) => Promise<Float32Array>,
): Promise<number> {
  const { x, y, rows } = test!;
  const width = workload.widths.at(-1)!;
  const values = await outputs(x, rows);
  let right = 0;
  for (let row = 0; row < rows; row++) if (largest(values, row * width, width) === y[row]) right++;
  return right / rows;
}
