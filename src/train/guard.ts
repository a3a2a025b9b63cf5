/** What a training does about a step that met a bad number: back to the step before, and on without it or not at all. */
import type { Rows } from '../data/types.ts';
import type { RunResult } from '../run/executor.ts';
import type { Engine } from './engine.ts';
import { type BadStep, leaves, mustReturn, nonFinite, type Submit, skips, withLosses } from './outcome.ts';
import { rollBack } from './rollback.ts';
import { addLosses } from './sums.ts';
import type { StepEvent } from './types.ts';

/** The first of a submit; the models of a sweep look after themselves, and a step that changed nothing is left behind. */
export function badStep({ program, idle }: Engine, submit: Submit, { flags }: RunResult): BadStep | undefined {
  if (submit.models.length > 1) return undefined;
  const k = flags.findIndex((code, k) => code !== 0 && !leaves(program, code) && !idle.has(submit.start.step + k));
  return k === -1 ? undefined : { submit, k, code: flags[k]! };
}

/**
 * Back to the step before it: where that is past, by way of the last snapshot. Nothing is on its way. The step then counts
 * without changing anything, where such steps are skipped. Under `rollback` further back, as long as there are attempts.
 * @throws NonFiniteError where the training cannot go on
 */
export async function standBefore(engine: Engine, { submit, k, code }: BadStep): Promise<void> {
  const { start, rows, events } = submit;
  const step = start.step + k;
  const { nonFinite: policy } = engine.spec;
  if (typeof policy === 'object') {
    // Few runs need it.

    if (await rollBack(engine, { submit, k, code })) return;
  }
  const last = engine.lastSnapshot;
  if (mustReturn(engine.program, code)) {
    if (!last || last.counters.step > step) throw nonFinite(engine, events[k]!, code, true);
    await engine.past.rewind(step);
  } else {
    await engine.executor.clearFlags();
    Object.assign(engine.counters, start, { step, position: start.position + k });
    engine.sums = addLosses(submit.sumsBefore, { ...submit, rows: rows.slice(0, k) }, engine);
    if (last) engine.past.snapshots.set(last);
  }
  if (!skips(engine.spec)) throw nonFinite(engine, events[k]!, code);
  engine.idle.add(step);
}

/**
 * One update on exactly these rows. Where it met a bad number the model is what it was before the step, wherever in it
 * the number came up: from the last snapshot, by the steps since.
 * @throws NonFiniteError unless such steps are skipped
 */
export async function oneStep(engine: Engine, rows: Rows): Promise<StepEvent> {
  for (;;) {
    const { submit, metrics } = await engine.stepOn(rows);
    const bad = badStep(engine, submit, metrics);
    if (!bad) {
      engine.past.stepped(rows, (own) => oneStep(engine, own));
      engine.past.confirm(engine.counters.step);
      return withLosses(submit, metrics)[0]!;
    }
    await standBefore(engine, bad);
  }
}
