/** `downhill cross-validate`: data and flags → one model a fold, side by side → a table, and a prediction of every row. */
import { join } from 'node:path';
import { encodeRows } from '../../data/encode.ts';
import { writeFileWhole } from '../../node/index.ts';
import { type DataFlags, loadSource } from '../data.ts';
import { EXIT, UsageError } from '../errors.ts';
import { makeFolder, writeHistory } from '../folder.ts';
import type { JobHooks } from '../job.ts';
import type { Output } from '../output.ts';
import { duration, Progress } from '../progress.ts';
import { type Fact, machineFacts } from '../report/html.ts';
import { begin, withRunner } from '../run.ts';
import { adapterWords, type BackendName } from '../runner.ts';
import { buildSpec, masksTargets, readModel, type SpecFlags, totalSteps, trainingLength } from '../spec.ts';
import type { RunOptions } from '../start.ts';
import { tableText } from '../sweep/words.ts';
import type { FoldsJob, FoldsResult } from './job.ts';
import { renderFolds } from './report.ts';
import { predictionsTable, rowsOf } from './tables.ts';

export interface FoldsFlags extends Omit<DataFlags, 'holdout' | 'split'>, SpecFlags, RunOptions {
  folds: number;
  stratified?: true;
  backend: BackendName;
  logEvery: number;
  out?: string;
  report?: string;
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
    const { backend } = runner;
    const { describe } = prepared;
    const facts: Fact[] = [...machineFacts(), ['data', describe], ['backend', `${backend}: ${reason}`]];
    const hooks: JobHooks<FoldsJob> = {
      signal,
      onStart: (event) => {
        begin(event, output, started);
        facts.push(['adapter', adapterWords(event.adapter)], ['plan', event.plan]);
      },
      onStep: ({ step, loss, losses }) => {
        if (step % flags.logEvery === 0) output.event({ event: 'step', step, losses });
        progress.update({ step, loss, label: 'mean loss' });
      },
    };
    const start = performance.now();
    const result = await runner.run(prepared.job, hooks);
    progress.finish(result.steps);
    const time = duration((performance.now() - start) / 1000);
    output.say(`in all: ${time}`);
    facts.push(['steps', String(result.steps)], ['in all', time], ['finished', new Date().toISOString()]);
    const report = { title: `Downhill: ${describe.split(';')[0]}`, facts };
    const reportFile = flags.report ?? join(folder, 'report.html');
    return finish({ job: prepared.job, result, place: { backend, reason }, report, reportFile, folder, output });
  });
}

/** Reads and checks all there is to check: what is wrong here is bad usage. @throws DownhillError */
async function prepare(flags: FoldsFlags): Promise<Prepared> {
  if (flags.steps !== undefined) {
    throw new UsageError('cli/usage', '--steps: folds may differ in their steps, expected --epochs.');
  }
  const model = flags.model === undefined ? undefined : await readModel(flags.model);
  const source = await loadSource(flags, masksTargets(model, flags));
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

interface Finished {
  job: FoldsJob;
  result: FoldsResult;
  place: { backend: string; reason: string };
  report: { title: string; facts: Fact[] };
  reportFile: string;
  folder: string;
  output: Output;
}

/** Writes the files, says how it went. */
async function finish({ job, result, place, report, reportFile, folder, output }: Finished): Promise<number> {
  const { spec, data } = job;
  const { adapter, steps, stopped, validated, failure } = result;
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
  report.facts.push(['per step', `${msPerStep.toPrecision(4)} ms for all folds`]);
  await writeFileWhole(reportFile, renderFolds({ ...report, spec, data, validated }));
  const print = (line: string) => (output.json ? output.say(line) : output.result(line));
  print(tableText(rowsOf(validated)));
  output.say(`predictions: ${file}`);
  output.say(`report: ${reportFile}`);
  output.event({ event: 'done', ...outcome, predictions: file });
  return EXIT.done;
}
