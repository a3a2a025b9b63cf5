/** Rows of a table in shards → inputs and targets, as the model's columns say or number by number. */
import { DataError, suggest } from '../../errors.ts';
import { show } from '../../spec/parse.ts';
import type { Spec } from '../../spec/spec.ts';
import { matchTable } from '../match.ts';
import { toNumber } from '../numbers.ts';
import type { DataInput, Targets } from '../types.ts';
import { notANumber } from '../values.ts';

export interface TableShardOptions {
  /** The column to predict; default: the target of the model's preprocessing, else the last column. */
  target?: string;
  /** The columns that are inputs, in order; default: those of the model's preprocessing, else all but the target. */
  inputs?: readonly string[];
}

/** A field: text of a CSV file, a value or a list of a Parquet file. */
export type Field = unknown;

/**
 * @param where says where row i lies, for messages
 * @throws DataError `data/columns`, and for fields that are no numbers
 */
export function tableRows(
  names: readonly string[],
  rows: readonly (readonly Field[])[],
  { target, inputs }: TableShardOptions,
  { preprocessing }: Spec,
  who: string,
  where: (row: number) => string,
): DataInput {
  if (preprocessing.columns) {
    const table = { names: [...names], header: true, rows: rows as string[][], lines: rows.map((_, i) => i) };
    const { x, y } = matchTable(table, preprocessing, target, who);
    if (y) return { x, y };
    throw new DataError(
      'data/target',
      `${who}: has no column ${show(preprocessing.target)}, which is to be predicted.`,
    );
  }
  const goal = indexOf(names, target ?? preprocessing.target ?? names.at(-1)!, who);
  const places = inputs?.map((name) => indexOf(names, name, who)) ?? names.map((_, i) => i).filter((i) => i !== goal);
  const x = rows.map((row, i) =>
    places.flatMap((place) => numbersOf(row[place], `${who}: ${where(i)}, column ${show(names[place])}`)),
  );
  const y = rows.map((row) => (isList(row[goal]) ? numbersOf(row[goal], who) : row[goal]));
  return { x, y: y as Targets };
}

const isList = (field: Field): field is ArrayLike<Field> => Array.isArray(field) || ArrayBuffer.isView(field);

/** The number of a field, or the numbers of a list. */
function numbersOf(field: Field, where: string): number[] {
  if (isList(field)) return Array.from(field, (value) => numbersOf(value, where)[0]!);
  const number = typeof field === 'boolean' ? Number(field) : toNumber(field);
  if (Number.isFinite(number)) return [number];
  throw notANumber(field, where);
}

function indexOf(names: readonly string[], name: string, who: string): number {
  const index = names.indexOf(name);
  if (index !== -1) return index;
  throw new DataError(
    'data/columns',
    `${who}: has no column ${show(name)}${suggest(name, names)}, expected one of ${names.join(', ')}.`,
  );
}
