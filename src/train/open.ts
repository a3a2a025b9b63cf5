/** Opens data to train on: brings it to the executor, all at once or piece by piece, with what draws its rows. */
import { fingerprintOf } from '../data/fingerprint.ts';
import { type PieceSource, pieceSource } from '../data/pieces.ts';
import { Sampler } from '../data/sampler.ts';
import { loaded } from '../errors.ts';
import { checkRows } from './batches.ts';
import type { Engine } from './engine.ts';
import type { Opened } from './past.ts';
import { checkSameData } from './same-data.ts';
import { selected } from './selection.ts';
import { allRows, type Source } from './source.ts';
import { doneBefore } from './turns.ts';
import type { Data, StreamData } from './types.ts';
import { bytesOf } from './uploads.ts';

/**
 * Data to train on; nothing where the signal says stop before all is compiled.
 * @param same whether they must be the rows that the run had
 */
export async function openData(
  engine: Engine,
  data: Data | StreamData,
  who: string,
  signal?: AbortSignal,
  same?: boolean,
): Promise<Opened | undefined> {
  const pieces = pieceSource(data);
  const make = (until?: AbortSignal) =>
    pieces ? openPieces(engine, pieces, who, signal, same) : openAll(engine, data as Data, who, until, same);
  return engine.recovery.alive(async () => {
    const source = await make(signal);
    if (!source) return undefined;
    const again = async () => (pieces?.repeats === false ? (await streaming()).gone(who) : (await make())!);
    return engine.past.opened(source, pieces ? 0 : bytesOf(data as Data, engine.spec), again);
  });
}

const streaming = () => loaded(import('./streaming.ts'));

async function openPieces(
  engine: Engine,
  pieces: PieceSource,
  who: string,
  signal: AbortSignal | undefined,
  same: boolean | undefined,
): Promise<Source | undefined> {
  const { executor, spec, counters, members } = engine;
  const counts = { batch: engine.updateRows, models: members.length };
  const { StreamSource } = await streaming();
  const opening = StreamSource.open(pieces, { executor, spec, ...counts, who, signal });
  if (!(await doneBefore(signal, opening))) {
    opening.then((late) => late.release()).catch(() => {});
    return undefined;
  }
  const source = await opening;
  checkSameData(engine, source.fingerprint, who, same);
  // Another data set than the one that an epoch was interrupted on begins its own.
  if (!source.has(counters.position)) engine.beginEpoch();
  return source;
}

async function openAll(
  engine: Engine,
  data: Data,
  who: string,
  signal: AbortSignal | undefined,
  same: boolean | undefined,
): Promise<Source | undefined> {
  const { executor, spec, members, uploads } = engine;
  const rows = uploads.rows(spec, data, who);
  const parts = selected(data);
  const counts = parts?.map(({ length }) => length) ?? members.map(() => rows.count);
  const fingerprint = fingerprintOf(rows, parts?.[0]);
  checkSameData(engine, fingerprint, who, same);
  await engine.fitBatch(Math.max(...counts));
  if (!parts) checkRows(spec, rows, engine.program.lists.train.batch, who);
  const { loaded, release } = await uploads.load(executor, data, rows);
  let ready = false;
  try {
    // Only this may be given up: a program for another batch is made whole, or what was learned is lost.
    ready = await doneBefore(signal, loaded.ready('train'));
    if (!ready) return undefined;
  } finally {
    if (!ready) release();
  }
  const { updateRows } = engine;
  const samplers = members.map(({ spec: own }, n) => new Sampler(own.sampler, own.seed, counts[n]!, updateRows));
  return allRows(rows, loaded, samplers, release, fingerprint, parts);
}
