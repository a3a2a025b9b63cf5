/** `downhill cross-validate`: data and flags → one model a fold, side by side → a table, and a prediction of every row. */
import { join } from 'node:path';
import { encodeRows } from '../../data/encode.ts';
import { writeFileWhole } from '../../node/index.ts';
import type { Spec } from '../../spec/spec.ts';
import type { Metrics } from '../../train/types.ts';
import { type DataFlags, loadSource } from '../data.ts';
import { EXIT, UsageError } from '../errors.ts';
import { makeFolder, writeHistory } from '../folder.ts';
import type { JobHooks } from '../job.ts';
import type { Output } from '../output.ts';
import { duration, Progress } from '../progress.ts';
import { metricName, metricWords, numbersOf } from '../report.ts';
import { begin, withRunner } from '../run.ts';
import type { BackendName } from '../runner.ts';
import { buildSpec, readModel, type SpecFlags, totalSteps, trainingLength } from '../spec.ts';
import type { RunOptions } from '../start.ts';
import { tableText } from '../sweep/words.ts';
import type { FoldsJob, FoldsResult } from './job.ts';

export interface FoldsFlags extends Omit<DataFlags, 'holdout' | 'split'>, SpecFlags, RunOptions {
  folds: number;
  stratified?: true;
  backend: BackendName;
  logEvery: number;
  out?: string;
}

interface Prepared {
  job: FoldsJob;
  describe: string;
  /** Updates of the fold with the most. */
  total: number;
}

/** Runs the command; resolves with the exit code. `started` is called when training begins. */
export async function crossValidation(flags: FoldsFlags, output: Output, started: () => void): Promise<number> {
  const prepared = await prepare(flags);
  const folder = await makeFolder(flags.out);
  output.say(`data: ${prepared.describe}`);
  return withRunner(flags.backend, output, async ({ runner, reason }, signal) => {
    const progress = new Progress(prepared.total, output.screen);
    const hooks: JobHooks<FoldsJob> = {
      signal,
      onStart: (event) => begin(event, output, started),
      onStep: ({ step, loss, losses }) => {
        if (step % flags.logEvery === 0) output.event({ event: 'step', step, losses });
        progress.update({ step, loss, label: 'mean loss' });
      },
    };
    const start = performance.now();
    const result = await runner.run(prepared.job, hooks);
    progress.finish(result.steps);
    output.say(`in all: ${duration((performance.now() - start) / 1000)}`);
    return finish(prepared.job, result, { backend: runner.backend, reason }, folder, output);
  });
}

/** Reads and checks all there is to check: what is wrong here is bad usage. @throws DownhillError */
async function prepare(flags: FoldsFlags): Promise<Prepared> {
  if (flags.steps !== undefined) {
    throw new UsageError('cli/usage', '--steps: folds may differ in their steps, expected --epochs.');
  }
  const model = flags.model === undefined ? undefined : await readModel(flags.model);
  const source = await loadSource(flags);
  // What is fitted to all rows here is fitted anew to those that a fold trains on.
  const preprocessing = source.fitPreprocessing(Uint32Array.from({ length: source.count }, (_, row) => row));
  const rows = source.count - Math.floor(source.count / flags.folds);
  const spec = buildSpec(model, flags, {
    ...source,
    inputs: source.inputs(preprocessing),
    rows,
    preprocessing,
    labels: source.y,
  });
  const { x, y, sampleWeight } = source;
  const data = { x, y, ...(sampleWeight && { sampleWeight }) };
  encodeRows(spec, data, 'rows');
  const { epochs } = trainingLength(flags) as { epochs: number };
  const kind = flags.stratified ? ' stratified' : '';
  const fewer = source.count % flags.folds > 0 ? ' or one fewer' : '';
  return {
    describe: `${source.describe}; ${flags.folds}${kind} folds, ${rows} rows${fewer} to train on`,
    total: totalSteps(flags, spec, rows),
    job: {
      kind: 'folds',
      ...{ spec, data, folds: flags.folds, epochs, seed: flags.dataSeed ?? 0 },
      stratified: flags.stratified === true,
      ...(flags.strategy && { strategy: flags.strategy }),
      ...(flags.stepsPerSubmit && { stepsPerSubmit: flags.stepsPerSubmit }),
      ...(flags.tune === false && { tune: false }),
    },
  };
}

/** Writes the files, says how it went. */
async function finish(
  { spec }: FoldsJob,
  { adapter, steps, stopped, validated, failure }: FoldsResult,
  place: { backend: string; reason: string },
  folder: string,
  output: Output,
): Promise<number> {
  const facts = { ...place, adapter, steps };
  if (failure) {
    output.say(`downhill: ${failure.message}`);
    output.event({ event: 'error', ...failure });
    return EXIT.failed;
  }
  if (!validated) {
    output.event({ event: 'done', ...facts, stopped });
    return EXIT.interrupted;
  }
  const { mean, deviation, msPerStep, epochs, predictions } = validated;
  const folds = validated.folds.map(({ rows, metrics }) => ({ rows: rows.length, metrics }));
  const outcome = { ...facts, msPerStep, mean, deviation, folds };
  const told = epochs.map(({ losses, ...event }) => ({ ...event, losses: [...losses] }));
  await writeHistory(folder, { ...outcome, spec, epochs: told });
  const file = join(folder, 'predictions.csv');
  await writeFileWhole(file, predictionsTable(spec, validated.folds, predictions));
  const print = (line: string) => (output.json ? output.say(line) : output.result(line));
  print(tableText(rowsOf(validated)));
  output.say(`predictions: ${file}`);
  output.event({ event: 'done', ...outcome, predictions: file });
  return EXIT.done;
}

/** A line a fold, and one of means and deviations. */
function rowsOf({ folds, mean, deviation }: NonNullable<FoldsResult['validated']>): Map<string, string>[] {
  const line = (first: string, rows: string, metrics: Metrics, words: (name: string, value: number) => string) => {
    const cells = numbersOf(metrics).map(([name, value]) => [metricName(name), words(name, value)] as const);
    return new Map([['fold', first], ['rows', rows], ...cells]);
  };
  const deviations = new Map(numbersOf(deviation));
  return [
    ...folds.map(({ rows, metrics }, n) => line(String(n), String(rows.length), metrics, metricWords)),
    line('mean', '', mean, (name, value) => `${metricWords(name, value)} ± ${metricWords(name, deviations.get(name))}`),
  ];
}

/** For every row, from 0 as in the data, the fold that held it out and what that said: `row,fold,setosa,…`. */
function predictionsTable(
  { preprocessing: { classes } }: Spec,
  folds: readonly { rows: Uint32Array }[],
  predictions: Float32Array,
): string {
  const count = folds.reduce((sum, { rows }) => sum + rows.length, 0);
  const width = predictions.length / count;
  const foldOf = new Uint32Array(count);
  for (const [n, { rows }] of folds.entries()) for (const row of rows) foldOf[row] = n;
  const quote = (name: string) => (/[",\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name);
  const names = Array.from({ length: width }, (_, n) =>
    classes?.length === width ? quote(classes[n]!) : width === 1 ? 'output' : `output${n}`,
  );
  const lines = Array.from(foldOf, (fold, row) =>
    [row, fold, ...predictions.subarray(row * width, (row + 1) * width)].join(','),
  );
  return `${['row,fold', ...names].join(',')}\n${lines.join('\n')}\n`;
}
