/**
 * Which variant of a step is fastest here: a short measurement, whose answer is kept. It decides nothing but speed, and it
 * is made once: a saved model brings its choices along.
 */
import { parseVariant, type Variant, variantText } from '../kernels/variants.ts';

/** Keeps answers from one run to the next. What it gives back is checked, so it may lose or garble them. */
export interface TuningCache {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
}

/** A step that could be done in several ways; `variants` has the one first that rules would take. */
export interface Question {
  readonly name: string;
  /** Everything that the answer depends on. */
  readonly key: string;
  readonly variants: readonly Variant[];
}

/** Runs a variant once and gives the milliseconds that it took. */
export type Trial = () => Promise<number>;

export interface TuneOptions {
  readonly cache?: TuningCache | undefined;
  /** Milliseconds for everything, compiling included; default 300. */
  readonly budget?: number;
  /** Milliseconds that pass; default `performance.now`. */
  readonly now?: () => number;
}

export const TUNING_MS = 300;
/** Times that a variant is run; the fastest of them counts. */
const ROUNDS = 3;

/**
 * The fastest variant of each step, by name. Where the time is up before two of them were measured, there is no answer
 * and the rule stands; an answer that rests on all of them is kept.
 * @param compile makes a variant ready; all of them compile at once
 */
export async function tune<Q extends Question>(
  questions: readonly Q[],
  compile: (question: Q, variant: Variant) => Promise<Trial>,
  { cache, budget = TUNING_MS, now = () => performance.now() }: TuneOptions = {},
): Promise<Record<string, string>> {
  const deadline = now() + budget;
  const answers: Record<string, string> = {};
  const open: { question: Q; ready: Map<Variant, Trial> }[] = [];
  for (const question of questions) {
    const known = await remembered(cache, question);
    if (known) answers[question.name] = variantText(known);
    else open.push({ question, ready: new Map() });
  }
  const compiling = open.flatMap(({ question, ready }) =>
    question.variants.map(async (variant) => {
      // What does not compile in time, or not at all, does not take part.
      const trial = await compile(question, variant).catch(() => undefined);
      if (trial) ready.set(variant, trial);
    }),
  );
  await Promise.race([Promise.all(compiling), pause(budget / 2)]);
  for (const { question, ready } of open) {
    const times = new Map<Variant, number>();
    for (const variant of question.variants) {
      const trial = ready.get(variant);
      let best = Number.POSITIVE_INFINITY;
      for (let round = 0; trial && round < ROUNDS && now() < deadline; round++) {
        best = Math.min(best, await trial());
        times.set(variant, best);
      }
    }
    if (times.size < 2) continue;
    const [fastest] = [...times].sort(([, a], [, b]) => a - b)[0]!;
    answers[question.name] = variantText(fastest);
    if (times.size === question.variants.length && now() < deadline) {
      await cache?.set(question.key, variantText(fastest)).catch(() => {});
    }
  }
  return answers;
}

/** The cache's answer, if it is one. */
async function remembered(cache: TuningCache | undefined, { key, variants }: Question): Promise<Variant | undefined> {
  const text = await cache?.get(key).catch(() => undefined);
  const variant = typeof text === 'string' ? parseVariant(text) : undefined;
  return variant && variants.find((known) => variantText(known) === variantText(variant));
}

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
