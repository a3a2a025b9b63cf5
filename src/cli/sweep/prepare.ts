/** Flags → the models of a sweep and its job. */
import type { SweepFile } from '../../io/sweep.ts';
import type { Spec } from '../../spec/spec.ts';
import { UsageError } from '../errors.ts';
import { jobParts, readProblem } from '../prepare.ts';
import { checkResumed, type Resumed } from '../resume.ts';
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

/**
 * Reads, draws and checks all there is to check: what is wrong here is bad usage. The models are those of the checkpoint
 * `from`, if there is one. @throws DownhillError
 */
export async function prepareSweep(flags: SweepFlags, from?: Resumed<SweepFile>): Promise<PreparedSweep> {
  const { learningRate, weightDecay, momentum, ...rest } = flags;
  const all = configurations(rangesOf(flags), flags);
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
  if (from) {
    checkModels(
      from,
      models.map(({ configuration, seed }) => ({ ...specs[configuration]!, seed })),
      flags,
    );
    job.resume = from.bytes;
    delete job.strategy; // that of the checkpoint
  }
  return { job, spec, models, configurations: all, describe: problem.describe, search: words(flags, all.length) };
}

/** Every model of the checkpoint is the one that the flags ask for. @throws UsageError */
function checkModels(
  { file: { models }, ...from }: Resumed<SweepFile>,
  specs: readonly Spec[],
  flags: SweepFlags,
): void {
  if (models.length !== specs.length) {
    throw new UsageError(
      'cli/resume',
      `--resume: ${from.name} has ${models.length} models, but the flags give ${specs.length}; search as its sweep did, or begin another run.`,
    );
  }
  for (const [n, file] of models.entries()) {
    checkResumed({ ...from, name: `model ${n} of ${from.name}`, file }, specs[n]!, flags);
  }
}

const many = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;

function words(flags: SweepFlags, count: number): string {
  const { seeds, searchSeed = 0, halving } = flags;
  const how = takesAll(rangesOf(flags), flags) ? 'every combination' : `drawn with search seed ${searchSeed}`;
  const models = `${many(count, 'configuration')} (${how}) × ${many(seeds, 'seed')} = ${many(count * seeds, 'model')}`;
  return halving ? `${models}; every ${many(halving.every, 'step')} the best ${100 * halving.keep!} % go on` : models;
}
