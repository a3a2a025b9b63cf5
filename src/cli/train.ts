/** `downhill train`: data and flags → spec → a run on the chosen backend → model, history and report in a folder. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeRows } from '../data/encode.ts';
import { writeFileWhole } from '../node/index.ts';
import type { Spec } from '../spec/spec.ts';
import type { StepEvent } from '../train/types.ts';
import { type DataFlags, loadSource, readBytes, splitSource } from './data.ts';
import { EXIT, UsageError } from './errors.ts';
import type { JobHooks, Runner, RunOptions, TrainJob, TrainResult } from './job.ts';
import type { Output } from './output.ts';
import { duration, Progress } from './progress.ts';
import { type Losses, metricsLine, renderReport } from './report.ts';
import { adapterWords, type BackendName, chooseRunner } from './runner.ts';
import { buildSpec, readModel, type SpecFlags, totalSteps, trainingLength } from './spec.ts';

export interface TrainFlags extends DataFlags, SpecFlags, RunOptions {
  init?: string;
  backend: BackendName;
  logEvery: number;
  out?: string;
}

/** Everything about a run that is known before it starts. */
export interface Prepared {
  job: TrainJob;
  spec: Spec;
  /** Updates it will take. */
  total: number;
  describe: string;
  /** Rows to train on. */
  rows: number;
}

/** Reads and checks all there is to check: what is wrong here is bad usage. @throws DownhillError */
export async function prepare(flags: DataFlags & SpecFlags & RunOptions & { init?: string }): Promise<Prepared> {
  if (flags.steps !== undefined && flags.epochs !== undefined) {
    throw new UsageError('cli/usage', '--steps: got --epochs too, expected one of them.');
  }
  const model = flags.model === undefined ? undefined : await readModel(flags.model);
  const source = await loadSource(flags);
  const parts = splitSource(source, flags);
  const preprocessing = source.fitPreprocessing(parts.trainRows);
  const rows = parts.trainRows.length;
  const shape = { ...source, inputs: source.inputs(preprocessing), rows, preprocessing };
  const spec = buildSpec(model, flags, shape);
  encodeRows(spec, parts.train, 'training rows');
  if (parts.test) encodeRows(spec, parts.test, 'test rows');
  const init = flags.init === undefined ? undefined : await readBytes(flags.init);
  return {
    spec,
    rows,
    total: totalSteps(flags, spec.batchSize, rows),
    describe: `${source.describe}; ${rows} to train, ${parts.testCount} to test`,
    job: {
      kind: 'train',
      spec,
      train: parts.train,
      ...(parts.test && { test: parts.test }),
      ...trainingLength(flags),
      ...(flags.strategy && { strategy: flags.strategy }),
      ...(flags.stepsPerSubmit && { stepsPerSubmit: flags.stepsPerSubmit }),
      ...(init && { init }),
    },
  };
}

/** Runs the command; resolves with the exit code. `started` is called when training begins. */
export async function train(flags: TrainFlags, output: Output, started: () => void): Promise<number> {
  const prepared = await prepare(flags);
  const folder = flags.out ?? join('runs', new Date().toISOString().replace(/[:.]/g, '-'));
  await makeFolder(folder);
  output.say(`data: ${prepared.describe}`);
  const stop = new AbortController();
  const release = onInterrupt(stop, output);
  let runner: Runner | undefined;
  try {
    const choice = await chooseRunner(flags.backend);
    runner = choice.runner;
    output.say(`backend: ${runner.backend}: ${choice.reason}`);
    const losses: Losses = { step: [], loss: [], learningRate: [] };
    const progress = new Progress(prepared.total, output.screen);
    const hooks: JobHooks = {
      signal: stop.signal,
      onStart: ({ adapter, plan }) => {
        started();
        output.say(`adapter: ${adapterWords(adapter)}`);
        output.say(`plan: ${plan}`);
      },
      onStep: (event) => {
        note(losses, event);
        if (event.step % flags.logEvery === 0) {
          const { step, loss, learningRate } = event;
          output.event({ event: 'step', step, loss, learningRate });
        }
        progress.update(event);
      },
    };
    const start = performance.now();
    let result: TrainResult;
    try {
      result = await runner.run(prepared.job, hooks);
    } catch (error) {
      // The backend went away with the model; what it told is kept.
      if (losses.step.length > 0) await writeHistory(folder, { spec: prepared.spec, losses });
      throw error;
    }
    progress.finish(result.steps);
    const seconds = (performance.now() - start) / 1000;
    return await finish({ prepared, runner, reason: choice.reason, result, losses, seconds, folder, output });
  } finally {
    release();
    await runner?.close();
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new UsageError('cli/file', `--out: ${folder}: cannot make this folder (${code}).`, { cause });
  }
}

function note(losses: Losses, { step, loss, learningRate }: StepEvent): void {
  losses.step.push(step);
  losses.loss.push(loss);
  losses.learningRate.push(learningRate);
}

const writeHistory = (folder: string, history: Record<string, unknown>) =>
  writeFileWhole(join(folder, 'history.json'), `${JSON.stringify(history)}\n`);

interface Finished {
  prepared: Prepared;
  runner: Runner;
  reason: string;
  result: TrainResult;
  losses: Losses;
  seconds: number;
  folder: string;
  output: Output;
}

/** Writes the files, says how it went. */
async function finish({
  prepared,
  runner,
  reason,
  result,
  losses,
  seconds,
  folder,
  output,
}: Finished): Promise<number> {
  const { adapter, steps, msPerStep, stopped, train, test, checkpoint, failure } = result;
  const { backend } = runner;
  const model = join(folder, 'model.safetensors');
  if (checkpoint) await writeFileWhole(model, checkpoint);
  const outcome = { backend, adapter, reason, steps, msPerStep, train: train ?? null, test: test ?? null };
  await writeHistory(folder, { ...outcome, stopped, ...(failure && { failure }), spec: prepared.spec, losses });
  const facts: [string, string][] = [
    ['data', prepared.describe],
    ['backend', `${backend}: ${reason}`],
    ['adapter', adapterWords(adapter)],
    ['steps', `${steps}${stopped ? ' (stopped)' : ''}${failure ? ` (failed: ${failure.message})` : ''}`],
    ['per step', `${msPerStep.toPrecision(4)} ms`],
    ['in all', duration(seconds)],
    ['finished', new Date().toISOString()],
  ];
  const report = join(folder, 'report.html');
  const title = `Downhill: ${prepared.describe.split(';')[0]}`;
  await writeFileWhole(report, renderReport({ title, facts, train, test, losses, spec: prepared.spec }));
  if (train) output.say(`training rows: ${metricsLine(train)}`);
  if (test) output.say(`test rows: ${metricsLine(test)}`);
  if (checkpoint) output.say(`model: ${model}`);
  output.say(`loss curve: ${report}`);
  if (failure) {
    output.say(`downhill: ${failure.message}`);
    output.event({ event: 'error', ...failure });
    return EXIT.failed;
  }
  output.event({ event: 'done', ...outcome, checkpoint: model, ...(stopped && { stopped }) });
  return stopped ? EXIT.interrupted : EXIT.done;
}

/** Ctrl-C stops at a step boundary; a second one ends at once. Gives what undoes it. */
function onInterrupt(stop: AbortController, output: Output): () => void {
  const stopNow = () => {
    if (stop.signal.aborted) process.exit(EXIT.interrupted);
    output.say('\nstopping; the model is saved first (once more ends at once)');
    stop.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, stopNow);
  return () => {
    for (const signal of signals) process.off(signal, stopNow);
  };
}
