/** Predictions of many models side by side, each for rows of its own. */
import { Feed } from '../run/feed.ts';
import type { Engine } from './engine.ts';
import { fill } from './evaluate.ts';
import { Pacer, paced } from './pacer.ts';
import type { Selection } from './selection.ts';
import { doneBefore } from './turns.ts';

/**
 * Gives the outputs of every model for its rows, some at a time: `take` gets the model, the place of the first row among
 * its own, and values row-major.
 * @throws the signal's reason
 */
export async function predictSelected(
  engine: Engine,
  selection: Selection,
  who: string,
  { signal }: { signal?: AbortSignal },
  take: (model: number, from: number, values: Float32Array) => void,
): Promise<void> {
  const { executor, program } = engine;
  const { rows } = selection;
  const { batch, output } = program.lists.infer;
  const { loaded, release } = await engine.load(selection, who);
  const models = [...rows.keys()];
  const count = Math.max(...rows.map(({ length }) => length));
  const feed = new Feed(batch, { models: models.length, capacity: 1 });
  let start = 0;
  const next = () => {
    signal?.throwIfAborted();
    if (start >= count) return undefined;
    const from = start;
    fill(feed, batch, from, count, 1, models, rows);
    start += batch;
    // Read in the same breath: another call may run the list as soon as this one waits.
    const running = executor.run('infer', feed, 1, loaded);
    const reads = models.map((model) => executor.read(output!, model));
    return { steps: 1, from, metrics: Promise.all([Promise.all(reads), running]).then(([values]) => values) };
  };
  try {
    if (!(await doneBefore(signal, loaded.ready('infer')))) signal!.throwIfAborted();
    await paced(new Pacer(1), executor.maxInFlight, next, ({ from }, all) => {
      for (const [model, values] of all.entries()) {
        const left = Math.max(0, Math.min(batch, rows[model]!.length - from));
        take(model, from, values.subarray(0, left * program.outputs));
      }
    });
  } finally {
    release();
  }
}
