/** Flags → the models of a sweep and its job. */
import { SpecError } from '../../errors.ts';
import type { Spec } from '../../spec/spec.ts';
import { jobParts, readProblem } from '../prepare.ts';
import { buildSpec, totalSteps } from '../spec.ts';
import { rangesOf, type SweepFlags } from './flags.ts';
import type { SweepJob } from './job.ts';
import { type Configuration, configurations, type TrialModel, takesAll, trialModels } from './search.ts';

export interface PreparedSweep {
  job: SweepJob;
  /** Of the first model. */
  spec: Spec;
  configurations: Configuration[];
  models: TrialModel[];
  /** The data in words. */
  describe: string;
  /** The search in words. */
  search: string;
}

/** Reads, draws and checks all there is to check: what is wrong here is bad usage. @throws DownhillError */
export async function prepareSweep(flags: SweepFlags): Promise<PreparedSweep> {
  const { learningRate, weightDecay, momentum, ...rest } = flags;
  const all = configurations(rangesOf(flags), flags);
  checkMomenta(all);
  const problem = await readProblem(rest);
  // Each configuration is a spec of its own: so each is checked, and its schedule set to its height.
  const specs = all.map((configuration) => buildSpec(problem.model, { ...rest, ...configuration }, problem.shape));
  const spec = specs[0]!;
  const models = trialModels(all, flags.seeds, spec.seed);
  const job: SweepJob = {
    ...jobParts(spec, problem, rest),
    kind: 'sweep',
    models: models.map(({ configuration, ...own }) => ({
      ...own,
      ...(own.learningRate !== undefined && { learningRate: specs[configuration]!.optimizer.learningRate }),
    })),
    seeds: flags.seeds,
    total: totalSteps(rest, spec, problem.shape.rows),
    logEvery: flags.logEvery,
    ...(flags.halving && { halving: flags.halving }),
  };
  return { job, spec, models, configurations: all, describe: problem.describe, search: words(flags, all.length) };
}

/** Without momentum an optimizer keeps no velocity, and models of a sweep share one kind of update. */
function checkMomenta(all: readonly Configuration[]): void {
  const some = all.filter(({ momentum }) => momentum !== undefined);
  if (some.every(({ momentum }) => momentum === 0) || some.every(({ momentum }) => momentum! > 0)) return;
  throw new SpecError(
    'spec/value',
    '--momentum: got 0 beside other values, expected 0 alone or values above it; start above 0, or sweep 0 by itself.',
  );
}

const many = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;

function words(flags: SweepFlags, count: number): string {
  const { seeds, searchSeed = 0, halving } = flags;
  const how = takesAll(rangesOf(flags), flags) ? 'every combination' : `drawn with search seed ${searchSeed}`;
  const models = `${many(count, 'configuration')} (${how}) × ${many(seeds, 'seed')} = ${many(count * seeds, 'model')}`;
  return halving ? `${models}; every ${many(halving.every, 'step')} the best ${100 * halving.keep!} % go on` : models;
}
