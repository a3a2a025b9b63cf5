/** The learning-rate range test: many constant rates side by side for a few steps, and which of them learned most. */

import * as v from 'valibot';
import { SpecError } from '../errors.ts';
import { parseOptimizer } from '../spec/optimizers.ts';
import { integer, parseObject } from '../spec/parse.ts';
import { parseSpec, type SpecInput } from '../spec/spec.ts';
import { createSweep } from './doors.ts';
import type { Data, Runtime } from './types.ts';

export interface LearningRateSearch {
  /** The lowest rate; default 1e-6. */
  from?: number;
  /** The highest rate; default 1. */
  to?: number;
  /** How many, evenly spread in logarithms; default 25. */
  count?: number;
  /** Updates of each model; default 100. */
  steps?: number;
  signal?: AbortSignal;
}

export interface LearningRateRange {
  /** Rising. */
  rates: Float64Array<ArrayBuffer>;
  /** Per rate the mean loss of the last quarter of its steps; NaN where it stopped being a finite number. */
  losses: Float64Array<ArrayBuffer>;
  /** Mean loss of the first mini-batch, before any update: rates with a higher loss lead away. */
  start: number;
  /** The rate whose loss, averaged with its two neighbours', is the lowest; NaN where no rate gets below `start`. */
  suggestion: number;
}

const SEARCH = {
  from: v.optional(v.any()),
  to: v.optional(v.any()),
  count: v.optional(integer(3, 1024)),
  steps: v.optional(integer(4, Number.MAX_SAFE_INTEGER)),
  signal: v.optional(v.any()),
};

/**
 * Trains one model per rate, all from the same weights on the same mini-batches, in the dispatches of one. Unlike the test
 * of Smith (2017), where one model meets all rates one after the other, every loss belongs to its rate alone.
 * @throws SpecError, DataError, DeviceError; the reason of a signal that says stop meanwhile
 */
export async function findLearningRate(
  spec: SpecInput,
  data: Data,
  options: LearningRateSearch = {},
  runtime: Runtime = {},
): Promise<LearningRateRange> {
  parseObject(SEARCH, options, 'findLearningRate');
  const { from = 1e-6, to = 1, count = 25, steps = 100, signal } = options;
  if (!(from > 0 && to > from && Number.isFinite(to))) {
    throw new SpecError(
      'spec/value',
      `findLearningRate: got rates from ${from} to ${to}, expected 0 < from < to; for example 1e-6 and 1.`,
    );
  }
  const rates = Float64Array.from({ length: count }, (_, i) => from * (to / from) ** (i / (count - 1)));
  const parsed = parseSpec(spec);
  const base = { ...parsed, optimizer: parseOptimizer({ ...parsed.optimizer, learningRate: 0 }, 'findLearningRate') };
  const models = Array.from(rates, (learningRate) => ({ learningRate }));
  const { learningRate: _, ...own } = runtime;
  const sweep = await createSweep(base as SpecInput, { models }, own);
  const losses = new Float64Array(count);
  const tail = Math.ceil(steps / 4);
  let start = 0;
  try {
    await sweep.fit(data, {
      steps,
      ...(signal && { signal }),
      onStep: ({ step, losses: now }) => {
        if (step === 1) start = now[0]!;
        if (step > steps - tail) for (let i = 0; i < count; i++) losses[i]! += now[i]! / tail;
      },
    });
    signal?.throwIfAborted();
  } finally {
    await sweep.dispose();
  }
  for (let i = 0; i < count; i++) if (!Number.isFinite(losses[i])) losses[i] = Number.NaN;
  return { rates, losses, start, suggestion: suggest(rates, losses, start) };
}

/** A neighbour that went astray, or is not there, says nothing good: it counts as the loss at the start. */
function suggest(rates: Float64Array, losses: Float64Array, start: number): number {
  const at = (i: number) => (Number.isFinite(losses[i]) ? Math.min(losses[i]!, start) : start);
  let best = start;
  let suggestion = Number.NaN;
  for (let i = 0; i < rates.length; i++) {
    const mean = (at(i - 1) + at(i) + at(i + 1)) / 3;
    if (losses[i]! < start && mean < best) [best, suggestion] = [mean, rates[i]!];
  }
  return suggestion;
}
