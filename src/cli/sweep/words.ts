/** A sweep's numbers and names in words, for the terminal and the report. */
import type { Column, Outcome, Trial } from './outcome.ts';
import type { Judge, Spread } from './rank.ts';
import { SEARCHED } from './search.ts';

export const NAMES: Record<Column, string> = {
  learningRate: 'learning rate',
  weightDecay: 'weight decay',
  momentum: 'momentum',
  seed: 'seed',
};

/** Digits of results; what was searched is shown as it is. */
const DIGITS = 4;

/** A searched value, exactly, in the shorter way to write it. */
export const valueWords = (value: number): string =>
  value > 0 && value < 1e-3 ? value.toExponential() : String(value);

/** A loss, or an accuracy in percent. */
export function scoreWords(value: number, percent: boolean): string {
  if (!Number.isFinite(value)) return 'not finite';
  return percent ? `${(100 * value).toFixed(2)} %` : value.toPrecision(DIGITS);
}

/** Mean ± sample standard deviation. */
export function spreadWords({ mean, deviation }: Spread, percent: boolean): string {
  if (!Number.isFinite(mean) || !Number.isFinite(deviation)) return scoreWords(mean, percent);
  return `${scoreWords(mean, percent)} ± ${percent ? (100 * deviation).toFixed(2) : deviation.toPrecision(2)}`;
}

export const isPercent = ({ name }: Judge): boolean => name.endsWith('accuracy');

/** `learning rate 0.01, momentum 0.9`. */
export function trialWords(trial: Trial): string {
  const names = [...SEARCHED, 'seed' as const].filter((name) => trial[name] !== undefined);
  return names.map((name) => `${NAMES[name]} ${valueWords(trial[name]!)}`).join(', ');
}

/** One line of a table: heading → cell. */
export function rowsOf(
  { trials, seeds, columns, judge, ranked }: Outcome,
  count = ranked.length,
): Map<string, string>[] {
  const percent = isPercent(judge);
  const dropped = ranked.some(({ droppedAt, models }) => droppedAt !== null || models.length < seeds);
  return ranked.slice(0, count).map((one, i) => {
    const row = new Map([['#', String(i + 1)]]);
    for (const name of columns) row.set(NAMES[name], valueWords(trials[one.trial]![name]!));
    row.set(judge.name, spreadWords(one.score, percent));
    if (one.testLoss && judge.name !== 'test loss') row.set('test loss', spreadWords(one.testLoss, false));
    if (judge.name.startsWith('test') || percent) row.set('train loss', spreadWords(one.trainLoss, false));
    if (dropped && seeds > 1) row.set('seeds left', one.droppedAt === null ? `${one.models.length} of ${seeds}` : '0');
    if (dropped) row.set('dropped at', one.droppedAt === null ? '' : `step ${one.droppedAt}`);
    return row;
  });
}

/** The rows as text in columns. */
export function tableText(rows: readonly Map<string, string>[]): string {
  const heads = [...rows[0]!.keys()];
  const widths = heads.map((head) => Math.max(head.length, ...rows.map((row) => row.get(head)!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padStart(widths[i]!))
      .join('   ')
      .trimEnd();
  return [line(heads), ...rows.map((row) => line([...row.values()]))].join('\n');
}
