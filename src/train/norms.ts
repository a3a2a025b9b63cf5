/** Norms of gradients and updates, as they come back with the metrics of steps. */
import type { RunResult } from '../run/executor.ts';
import type { Norms } from './types.ts';

/** The same of each model of a sweep; a model that trains no more has none. */
export interface ModelNorms {
  gradientNorms?: (Norms['gradientNorms'] | undefined)[];
  updateNorms?: (Norms['updateNorms'] | undefined)[];
}

/** The models that took part in a submit, in the order of their metrics. */
type TookPart = { readonly models: readonly number[] };

/** Of step `k` of a submit, of the model at place `slice` among those that took part; nothing where none were asked for. */
export function normsOf({ models }: TookPart, { norms }: Pick<RunResult, 'norms'>, k: number, slice: number): Norms {
  if (!norms) return {};
  const { names, squares } = norms;
  const first = (k * models.length + slice) * names.length * 2;
  const own = (part: number) =>
    Object.fromEntries(
      names.flatMap((name, n) => {
        const at = first + Math.floor(n / 2) * 4 + part + (n % 2);
        return name === undefined ? [] : [[name, Math.sqrt(squares[at]!)]];
      }),
    );
  return { gradientNorms: own(0), updateNorms: own(2) };
}

/** Of step `k`, of all models of a sweep by their number. @param losses NaN for models that train no more */
export function modelNorms(submit: TookPart, result: RunResult, k: number, losses: Float64Array): ModelNorms {
  if (!result.norms) return {};
  const all = Array.from(losses, (loss, model): Norms => {
    const slice = submit.models.indexOf(model);
    return slice < 0 || Number.isNaN(loss) ? {} : normsOf(submit, result, k, slice);
  });
  return {
    gradientNorms: all.map(({ gradientNorms }) => gradientNorms),
    updateNorms: all.map(({ updateNorms }) => updateNorms),
  };
}
