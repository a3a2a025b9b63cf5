/** Whether a run goes on with the rows that it had: the mini-batches of an epoch are those of its rows alone. */
import { difference, type Fingerprint } from '../data/fingerprint.ts';
import { DataError } from '../errors.ts';
import type { Counters } from '../io/model.ts';

/** A run, as far as it knows its rows. */
export interface Trained {
  readonly counters: Counters;
  /** The rows that it was trained on last, where they could be looked at. */
  readonly data: Fingerprint | undefined;
  /** Whether it stands where a file left it, and no mini-batch was drawn since. */
  readonly resumes: boolean;
}

/**
 * @param asked whether the rows must be the same; default: where a file was saved in the middle of an epoch
 * @throws DataError `data/other`
 */
export function checkSameData(
  { data, resumes, counters: { position } }: Trained,
  got: Fingerprint | undefined,
  who: string,
  asked: boolean | undefined,
): void {
  if (!data || !(asked ?? (resumes && position > 0 && got !== undefined))) return;
  const other = got ? difference(data, got) : 'mini-batches, which nobody can compare';
  if (!other) return;
  const [when, way] = asked
    ? ['that the run was trained on', 'begin another run with its weights (setWeights, or --init)']
    : ['of the epoch that the file was saved in the middle of', 'say sameData: false to go on with others'];
  throw new DataError(
    'data/other',
    `${who}: got ${other}, expected the ${data.rows} rows ${when}; give those, or ${way}.`,
  );
}
