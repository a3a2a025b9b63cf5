/** Decisions between two steps: they stand among the counters, and are done again where the run is. */
import type { Engine } from './engine.ts';

/** What is decided, by its name; undefined where it counts no longer. */
export type Decisions = Readonly<Record<string, number | undefined>>;

export function decide(engine: Engine, changes: Decisions): void {
  change(engine, changes);
  engine.past.did({ again: async () => decide(engine, changes), bytes: 0 });
}

/** Decides, and keeps the best weights, brings them back or drops them, all in one. */
export async function decideBest(engine: Engine, deed: 'keep' | 'bring' | 'drop', changes: Decisions): Promise<void> {
  const { best } = engine.executor;
  if (deed === 'keep') await best.reserve();
  best[deed]();
  change(engine, changes);
  engine.past.did({ again: () => decideBest(engine, deed, changes), bytes: 0 });
}

function change({ counters }: Engine, changes: Decisions): void {
  const decided = Object.entries({ ...counters.decisions, ...changes }).filter(([, value]) => value !== undefined);
  Object.assign(counters, { decisions: decided.length > 0 ? Object.fromEntries(decided) : undefined });
}
