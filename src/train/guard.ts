/** What a training does about a step that met a bad number: back to the step before, and on without it or not at all. */
import type { Program } from '../plan/program.ts';
import type { RunResult } from '../run/executor.ts';
import { decode } from '../run/guard.ts';
import type { Engine } from './engine.ts';
import { mustReturn, nonFinite, type Submit, skips } from './outcome.ts';
import { addLosses } from './sums.ts';

/** A step, the k-th of its submit, that the one model may not simply leave behind. */
export interface BadStep {
  readonly submit: Submit;
  readonly k: number;
  readonly code: number;
}

/** The first of a submit; the models of a sweep look after themselves. */
export function badStep(program: Program, submit: Submit, { flags }: RunResult): BadStep | undefined {
  if (submit.models.length > 1) return undefined;
  const k = flags.findIndex((code) => code !== 0 && (!skips(program.spec) || mustReturn(program, code)));
  return k === -1 ? undefined : { submit, k, code: flags[k]! };
}

/**
 * Back to the step before it: where that is past, by way of the last snapshot. Nothing is on its way. The step then counts
 * without changing anything, where such steps are skipped.
 * @throws NonFiniteError where they are not
 */
export async function standBefore(engine: Engine, { submit, k, code }: BadStep): Promise<void> {
  const { start, rows, events } = submit;
  const step = start.step + k;
  const last = engine.lastSnapshot;
  if (mustReturn(engine.program, code)) {
    if (!last || last.counters.step > step) throw nonFinite(events[k]!, decode(code), true);
    await engine.past.rewind(step);
  } else {
    await engine.executor.clearFlags();
    Object.assign(engine.counters, start, { step, position: start.position + k });
    engine.sums = addLosses(submit.sumsBefore, { ...submit, rows: rows.slice(0, k) }, skips(engine.spec));
    if (last) engine.past.snapshots.set(last);
  }
  if (!skips(engine.spec)) throw nonFinite(events[k]!, decode(code));
  engine.idle.add(step);
}
