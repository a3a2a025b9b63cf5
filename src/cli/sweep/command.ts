/** `downhill sweep`: a search → many models trained side by side → a table, a report, the best model. */
import { join } from 'node:path';
import { decodeSweep } from '../../io/sweep.ts';
import { writeFileWhole } from '../../node/index.ts';
import type { Spec } from '../../spec/spec.ts';
import { EXIT } from '../errors.ts';
import { makeFolder, writeHistory } from '../folder.ts';
import type { JobHooks } from '../job.ts';
import type { Output } from '../output.ts';
import { duration, Progress } from '../progress.ts';
import { openCheckpoints } from '../resume.ts';
import { begin, withRunner } from '../run.ts';
import { adapterWords, type Choice } from '../runner.ts';
import { rangesOf, type SweepFlags, shellLine, trainWords } from './flags.ts';
import type { SweepJob, SweepResult } from './job.ts';
import { outcomeOf } from './outcome.ts';
import { type PreparedSweep, prepareSweep } from './prepare.ts';
import { spread } from './rank.ts';
import { renderSweep } from './report.ts';
import type { TrialModel } from './search.ts';
import { isPercent, rowsOf, spreadWords, tableText, trialWords } from './words.ts';

/** Runs the command; resolves with the exit code. `started` is called when training begins. */
export async function sweep(flags: SweepFlags, output: Output, started: () => void): Promise<number> {
  const { store, options, from } = await openCheckpoints(flags, (line) => output.say(line), decodeSweep);
  const prepared = await prepareSweep(flags, from);
  if (options) prepared.job.checkpoint = options;
  const folder = await makeFolder(flags.out);
  output.say(`data: ${prepared.describe}`);
  output.say(`search: ${prepared.search}`);
  const { models, standing } = from?.file ?? {};
  const first = standing ? models![standing.active[0]!]!.counters!.step : 0;
  if (from) {
    output.say(`resumed: ${from.name}, after step ${first}, with ${standing!.active.length} models that train`);
    output.event({ event: 'resumed', checkpoint: from.name, step: first });
  }
  return withRunner(flags.backend, output, async (choice, signal) => {
    const progress = new Progress(prepared.job.total, output.screen, { first });
    const hooks: JobHooks<SweepJob> = {
      signal,
      ...(store && { store }),
      onStart: (event) => begin(event, output, started),
      onStep: ({ step, loss, active, losses }) => {
        if (losses) output.event({ event: 'step', step, losses });
        progress.update({ step, loss, label: `lowest loss of ${active}` });
      },
    };
    const start = performance.now();
    const result = await choice.runner.run(prepared.job, hooks);
    progress.finish(result.steps);
    const seconds = (performance.now() - start) / 1000;
    return finish({ flags, prepared, choice, result, seconds, folder, output });
  });
}

interface Finished {
  flags: SweepFlags;
  prepared: PreparedSweep;
  choice: Choice;
  result: SweepResult;
  seconds: number;
  folder: string;
  output: Output;
}

/** Writes the files, says how it went. */
async function finish({ flags, prepared, choice, result, seconds, folder, output }: Finished): Promise<number> {
  const { spec, job, models } = prepared;
  const { adapter, steps, msPerStep, stopped, curves, best = null, checkpoint, failure } = result;
  const { backend } = choice.runner;
  const outcome = outcomeOf(models, flags.seeds, result.models);
  const { judge, ranked, trials } = outcome;
  const model = join(folder, 'model.safetensors');
  if (checkpoint) await writeFileWhole(model, checkpoint);
  const modelSteps = result.models.reduce((sum, one) => sum + one.steps, 0);
  const modelStepsPerSecond = steps > 0 ? modelSteps / ((msPerStep * steps) / 1000) : 0;
  const facts = {
    ...{ backend, adapter, reason: choice.reason, steps, msPerStep, modelStepsPerSecond, judgedBy: judge.name },
    trials: trialEvents(spec, models, result),
    best,
  };
  const { step } = curves;
  const losses = models.map((_, n) => step.map((_, point) => curves.losses[point * models.length + n]));
  await writeHistory(folder, { ...facts, stopped, ...(failure && { failure }), spec, losses: { step, losses } });
  const command = best === null ? undefined : `downhill ${shellLine(trainWords(flags, models[best]!))}`;
  const report = join(folder, 'report.html');
  await writeFileWhole(
    report,
    renderSweep({
      ...{ outcome, curves, spec, ranges: rangesOf(flags), seedOf: models.map(({ seed }) => seed) },
      ...(best !== null && { best }),
      ...(command !== undefined && { command }),
      title: `Downhill: ${prepared.describe.split(';')[0]}`,
      facts: [
        ['data', prepared.describe],
        ['search', prepared.search],
        ['backend', `${backend}: ${choice.reason}`],
        ['adapter', adapterWords(adapter)],
        [
          'steps',
          `${steps} of ${job.total}${stopped ? ' (stopped)' : ''}${failure ? ` (failed: ${failure.message})` : ''}`,
        ],
        ['per step', `${msPerStep.toPrecision(4)} ms for all models, ${Math.round(modelStepsPerSecond)} model steps/s`],
        ['in all', duration(seconds)],
        ['finished', new Date().toISOString()],
      ],
    }),
  );
  const print = (line: string) => (output.json ? output.say(line) : output.result(line));
  print(tableText(rowsOf(outcome, flags.top)));
  if (ranked.length > flags.top) print(`… and ${ranked.length - flags.top} more in the report`);
  if (best !== null) {
    const [first] = ranked;
    const [percent, words] = [isPercent(judge), trialWords(trials[first!.trial]!)];
    output.say(`best: ${words}: ${judge.name} ${spreadWords(first!.score, percent)}; model ${best} is saved`);
    if (flags.seeds > 1 && outcome.seeds === 1) {
      output.say(
        `all ${flags.seeds} seeds: ${judge.name} ${spreadWords(spread(result.models.map(judge.of)), percent)}`,
      );
    }
    output.say(`model: ${model}`);
    output.say(`alone: ${command}`);
  }
  output.say(`report: ${report}`);
  if (failure) {
    output.say(`downhill: ${failure.message}`);
    output.event({ event: 'error', ...failure });
    return EXIT.failed;
  }
  output.event({ event: 'done', ...facts, checkpoint: model, ...(stopped && { stopped }) });
  return stopped ? EXIT.interrupted : EXIT.done;
}

/** What each model trained with, and came to. */
function trialEvents({ optimizer }: Spec, models: readonly TrialModel[], result: SweepResult) {
  const { learningRate: schedule, weightDecay } = optimizer;
  const fixed = {
    learningRate: schedule.type === 'constant' ? schedule.learningRate : null,
    weightDecay,
    momentum: 'momentum' in optimizer ? optimizer.momentum : null,
  };
  return models.map(({ configuration, seed, ...values }, model) => {
    const { train = null, test = null, droppedAt } = result.models[model]!;
    return { model, configuration, seed, ...fixed, ...values, train, test, droppedAt };
  });
}
