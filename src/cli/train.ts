/** `downhill train`: data and flags → spec → a run on the chosen backend → model, history and report in a folder. */
import { join } from 'node:path';
import { encodeRows } from '../data/encode.ts';
import { writeFileWhole } from '../node/index.ts';
import type { StepEvent } from '../train/types.ts';
import type { DataFlags } from './data.ts';
import { EXIT } from './errors.ts';
import { makeFolder, writeHistory } from './folder.ts';
import type { JobHooks, Runner, TrainJob, TrainResult } from './job.ts';
import type { Output } from './output.ts';
import { type Prepared, prepare } from './prepare.ts';
import { duration, Progress } from './progress.ts';
import { machineFacts } from './report/html.ts';
import { judge } from './report/judge.ts';
import { type Report, renderMain, renderReport, trainingRows } from './report/page.ts';
import { Watch } from './report/watch.ts';
import { metricsLine } from './report.ts';
import { type CheckpointFlags, openCheckpoints, readTraining } from './resume.ts';
import { begin, withRunner } from './run.ts';
import { adapterWords, type BackendName } from './runner.ts';
import type { SpecFlags } from './spec.ts';
import type { RunOptions } from './start.ts';
import type { StreamFlags } from './stream.ts';
import type { ValidationFlags } from './validation.ts';

export interface TrainFlags extends DataFlags, StreamFlags, SpecFlags, ValidationFlags, RunOptions, CheckpointFlags {
  init?: string;
  backend: BackendName;
  logEvery: number;
  out?: string;
  report?: string;
  watch?: number;
}

/** Runs the command; resolves with the exit code. `started` is called when training begins. */
export async function train(flags: TrainFlags, output: Output, started: () => void): Promise<number> {
  const { store, options, from } = await openCheckpoints(flags, (line) => output.say(line), readTraining);
  const prepared = await prepare(flags, from);
  if (options) prepared.job.checkpoint = options;
  const folder = await makeFolder(flags.out);
  output.say(`data: ${prepared.describe}`);
  const first = from?.file.counters?.step ?? 0;
  if (from) {
    output.say(`resumed: ${from.name}, after step ${first}`);
    output.event({ event: 'resumed', checkpoint: from.name, step: first });
  }
  return withRunner(flags.backend, output, async ({ runner, reason }, signal) => {
    const report = newReport(prepared, `${runner.backend}: ${reason}`);
    const { losses, epochs } = report;
    const watch = flags.watch === undefined ? undefined : new Watch(() => renderMain(report));
    const progress = new Progress(prepared.total, output.screen, { first });
    const hooks: JobHooks<TrainJob> = {
      signal,
      ...(store && { store }),
      onStart: (event) => {
        begin(event, output, started);
        report.facts.push(['adapter', adapterWords(event.adapter)], ['plan', event.plan]);
      },
      onStep: (event) => {
        note(report, event);
        if (event.step % flags.logEvery === 0) {
          const { step, loss, learningRate, gradientNorms, updateNorms } = event;
          output.event({
            event: 'step',
            step,
            loss,
            learningRate,
            ...(gradientNorms && { gradientNorms, updateNorms }),
          });
        }
        progress.update(event);
        watch?.changed();
      },
      onEpoch: (event) => {
        while ((epochs.at(-1)?.epoch ?? -1) >= event.epoch) epochs.pop();
        epochs.push(event);
        if (event.validation) output.event({ event: 'epoch', ...event });
      },
    };
    const start = performance.now();
    try {
      if (watch) output.say(`watch: ${await watch.open(flags.watch!)}`);
      const result = await runner.run(prepared.job, hooks).catch(async (error: unknown) => {
        // The backend went away with the model; what it told is kept.
        if (losses.step.length > 0) await writeHistory(folder, { spec: prepared.spec, losses });
        throw error;
      });
      progress.finish(result.steps);
      const seconds = (performance.now() - start) / 1000;
      const reportFile = flags.report ?? join(folder, 'report.html');
      return await finish({ prepared, runner, reason, result, report, reportFile, seconds, folder, output });
    } finally {
      await watch?.close();
    }
  });
}

/** What is known before the first step. */
function newReport({ describe, spec, total }: Prepared, backend: string): Report {
  return {
    title: `Downhill: ${describe.split(';')[0]}`,
    facts: [...machineFacts(), ['data', describe], ['backend', backend]],
    total,
    losses: { step: [], loss: [], learningRate: [] },
    norms: [],
    epochs: [],
    spec,
  };
}

function note({ losses, norms }: Report, { step, loss, learningRate, gradientNorms }: StepEvent): void {
  // After a rollback the steps begin again at an earlier one.
  while (losses.step.length > 0 && losses.step.at(-1)! >= step) {
    for (const list of [...Object.values(losses), norms]) list.pop();
  }
  losses.step.push(step);
  losses.loss.push(loss);
  losses.learningRate.push(learningRate);
  if (gradientNorms) norms.push(gradientNorms);
}

interface Finished {
  prepared: Prepared;
  runner: Runner;
  reason: string;
  result: TrainResult;
  report: Report;
  reportFile: string;
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
  report,
  reportFile,
  seconds,
  folder,
  output,
}: Finished): Promise<number> {
  const { adapter, steps, msPerStep, stopped, best, stoppedEarly, train, test, predictions, checkpoint, failure } =
    result;
  const { backend } = runner;
  const model = join(folder, 'model.safetensors');
  if (checkpoint) await writeFileWhole(model, checkpoint);
  const outcome = { backend, adapter, reason, steps, msPerStep, train: train ?? null, test: test ?? null };
  await writeHistory(folder, {
    ...outcome,
    stopped,
    ...(failure && { failure }),
    spec: prepared.spec,
    losses: report.losses,
  });
  if (stoppedEarly) report.total = steps;
  report.facts.push(
    ['steps', `${steps}${stopped ? ' (stopped)' : ''}${failure ? ` (failed: ${failure.message})` : ''}`],
    ['per step', `${msPerStep.toPrecision(4)} ms`],
    ['in all', duration(seconds)],
    ['finished', new Date().toISOString()],
  );
  const splits = prepared.job.validation?.validationSplit !== undefined;
  if (train) Object.assign(report, { train, splits });
  if (test) report.test = test;
  const rows = prepared.job.test;
  const judged = rows && predictions && judge(prepared.spec, encodeRows(prepared.spec, rows, 'test rows'), predictions);
  if (judged) report.tested = { rows, judged };
  await writeFileWhole(reportFile, renderReport(report));
  for (const { reason, step: to, learningRateScale } of result.rollbacks ?? []) {
    output.say(`rollback: ${reason}; on from step ${to} with ${learningRateScale} × the learning rate`);
    output.event({ event: 'rollback', reason, step: to, learningRateScale });
  }
  if (best) {
    const { monitor = 'loss' } = prepared.job.validation?.earlyStopping ?? {};
    const ended = stoppedEarly ? 'ended the training' : 'found no end';
    output.say(
      `early stopping: ${ended}; the best epoch was ${best.epoch}, with ${monitor} ${best.value.toPrecision(4)}`,
    );
    output.event({ event: 'best', ...best, stoppedEarly: stoppedEarly === true });
  }
  if (train) output.say(`${trainingRows(splits)}: ${metricsLine(train)}`);
  if (test) output.say(`test rows: ${metricsLine(test)}`);
  if (checkpoint) output.say(`model: ${model}`);
  output.say(`report: ${reportFile}`);
  if (failure) {
    output.say(`downhill: ${failure.message}`);
    output.event({ event: 'error', ...failure });
    return EXIT.failed;
  }
  output.event({ event: 'done', ...outcome, checkpoint: model, ...(stopped && { stopped }) });
  return stopped ? EXIT.interrupted : EXIT.done;
}
