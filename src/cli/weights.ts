/** How much rows count, on the command line: a column of the table, and weights of classes. */
import type { Table } from '../data/csv.ts';
import { isNumeric } from '../data/numbers.ts';
import { findTarget } from '../data/source.ts';
import type { Targets } from '../data/types.ts';
import { isMissing } from '../data/values.ts';
import { DataError } from '../errors.ts';
import { show } from '../spec/parse.ts';
import { UsageError } from './errors.ts';

/** A table without its column of weights, and these. */
export interface Weighed {
  table: Table;
  /** The target, in the table that is left. */
  target?: string | number;
  sampleWeight?: Float32Array;
}

/**
 * Takes the column with the weights of rows out of a table, so that it is no input. Columns without a header are numbered
 * anew.
 * @param where says where row n lies, for messages; default: its line
 * @throws UsageError where the target is that column; DataError where there is none, or a field is no number ≥ 0
 */
export function takeWeights(
  table: Table,
  flags: { target?: string; sampleWeight?: string },
  who: string,
  where = (n: number) => `line ${table.lines[n]}`,
): Weighed {
  const { target, sampleWeight: wish } = flags;
  if (wish === undefined) return { table, ...(target !== undefined && { target }) };
  const place = findTarget(table, wish, `${who}: --sample-weight`);
  const goal = target === undefined ? undefined : findTarget(table, target, who);
  if (goal === place) {
    throw new UsageError(
      'cli/usage',
      `--sample-weight: got ${show(wish)}, the column that --target names; name another.`,
    );
  }
  const without = (fields: readonly string[]) => fields.filter((_, i) => i !== place);
  const sampleWeight = Float32Array.from(table.rows, (row, n) => {
    const field = row[place]!;
    const weight = Math.fround(Number(field));
    if (isNumeric(field) && Number.isFinite(weight) && weight >= 0) return weight;
    throw new DataError(
      'data/weight',
      `${who}: ${where(n)}, column ${show(table.names[place])}: got ${show(field)}, expected a finite number ≥ 0, the weight of the row.`,
    );
  });
  const names = without(table.names);
  return {
    table: {
      ...table,
      names: table.header ? names : names.map((_, i) => `column${i}`),
      rows: table.rows.map(without),
    },
    ...(goal !== undefined && { target: goal > place ? goal - 1 : goal }),
    sampleWeight,
  };
}

/**
 * `--class-weight`: `balanced`, `0:1,1:5` by numbers or names of classes, or JSON. Balanced weights are
 * rows / (classes · rows of the class) over the training rows, as scikit-learn has them; a class without any counts 1.
 * @param labels of the training rows, where they are classes
 * @throws UsageError
 */
export function classWeights(flag: string, labels: Targets | undefined): unknown {
  if (flag === 'balanced') {
    if (labels) return balanced(labels);
    throw new UsageError(
      'cli/usage',
      '--class-weight: got balanced without classes to count; give --data with classes.',
    );
  }
  if (/^\s*[[{]/.test(flag)) {
    try {
      return JSON.parse(flag);
    } catch (cause) {
      throw new UsageError('cli/json', `--class-weight: is no JSON (${(cause as Error).message}).`, { cause });
    }
  }
  const pairs = flag.split(',').map((part): [string, number] => {
    const [, name = '', weight = ''] = /^(.+):([^:]+)$/.exec(part) ?? [];
    if (name !== '' && isNumeric(weight.trim())) return [name.trim(), Number(weight)];
    throw new UsageError(
      'cli/usage',
      `--class-weight: got ${show(part)}, expected CLASS:WEIGHT, such as 0:1,1:5, or balanced; names with commas go into JSON.`,
    );
  });
  const twice = pairs.find(([name], n) => pairs.findIndex(([other]) => other === name) < n);
  if (!twice) return Object.fromEntries(pairs);
  throw new UsageError('cli/usage', `--class-weight: got ${show(twice[0])} twice, expected every class once.`);
}

function balanced(labels: Targets): Record<string, number> {
  const counts = new Map<string, number>();
  // Rows without a class do not count.
  const known = Array.from<unknown>(labels).filter((label) => !isMissing(label));
  for (const label of known) counts.set(String(label), (counts.get(String(label)) ?? 0) + 1);
  return Object.fromEntries([...counts].map(([name, count]) => [name, known.length / (counts.size * count)]));
}
