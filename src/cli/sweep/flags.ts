/** The flags of a sweep, and the command that trains one of its models alone. */
import type { Halving } from '../../train/halving.ts';
import type { DataFlags } from '../data.ts';
import { UsageError } from '../errors.ts';
import type { CheckpointFlags } from '../resume.ts';
import type { BackendName } from '../runner.ts';
import type { SpecFlags } from '../spec.ts';
import type { RunOptions } from '../start.ts';
import { FLAGS, type Ranges, SEARCHED, type Searched, type SearchOptions, type TrialModel } from './search.ts';
import { valueWords } from './words.ts';

export interface SweepFlags
  extends DataFlags,
    Omit<SpecFlags, keyof Ranges>,
    RunOptions,
    CheckpointFlags,
    Ranges,
    SearchOptions {
  seeds: number;
  halving?: Halving;
  top: number;
  init?: string;
  backend: BackendName;
  logEvery: number;
  out?: string;
}

export const rangesOf = (flags: SweepFlags): Ranges =>
  Object.fromEntries(SEARCHED.filter((name) => flags[name]).map((name) => [name, flags[name]]));

/** `EVERY[:KEEP]`: steps between two cuts, and the share of models that goes on. @throws UsageError */
export function parseHalving(text: string): Required<Pick<Halving, 'every' | 'keep'>> {
  const [, every, keep] = /^(\d+)(?::(.+))?$/.exec(text) ?? [];
  const halving = { every: Number(every), keep: Number(keep ?? 0.5) };
  if (halving.every >= 1 && halving.keep > 0 && halving.keep < 1) return halving;
  const expected = 'EVERY or EVERY:KEEP, such as 200:0.5: steps between two cuts, and the share of models that goes on';
  throw new UsageError('cli/usage', `--halving: got "${text}", expected ${expected}.`);
}

/** What `train` takes as `sweep` does, with the values that need not be said. */
const SHARED = {
  ...{ data: undefined, target: undefined, header: 'auto', dataSeed: 0, holdout: undefined, split: undefined },
  ...{ model: undefined, loss: undefined, optimizer: undefined, schedule: undefined, batchSize: undefined },
  ...{ sampleWeight: undefined, classWeight: undefined, maskTargets: undefined },
  ...{ l1: undefined, l2: undefined, maxNorm: undefined, ema: undefined },
  ...{ epochs: undefined, steps: undefined, sampler: undefined, strategy: undefined, stepsPerSubmit: undefined },
  ...{ clipValue: undefined, clipNorm: undefined, globalClipNorm: undefined, accumulate: undefined },
  ...{ metrics: undefined, gradientNorms: undefined, precision: undefined, nonFinite: undefined },
  ...{ init: undefined, backend: 'auto', tune: true },
} satisfies Record<Shared, unknown>;

type Shared = keyof DataFlags | Exclude<keyof SpecFlags, Searched | 'seed'> | keyof RunOptions | 'init' | 'backend';

/** The words after `downhill` that train this model of the sweep alone. */
export function trainWords(flags: SweepFlags, model: TrialModel): string[] {
  const words = ['train'];
  for (const [name, usual] of Object.entries(SHARED)) {
    const value = flags[name as keyof typeof SHARED];
    if (value === undefined || value === usual) continue;
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (name === 'tune') words.push('--no-tune');
    else words.push(flag, ...(value === true ? [] : [String(value)]));
  }
  for (const name of SEARCHED) if (model[name] !== undefined) words.push(FLAGS[name], valueWords(model[name]));
  return [...words, '--seed', String(model.seed)];
}

/** Words as a shell takes them. */
export const shellLine = (words: readonly string[]): string =>
  words.map((word) => (/^[\w./:,=+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
