/** A new table as raw rows for a trained model: the model's columns are found by name, else by position. */
import { DataError, suggest } from '../errors.ts';
import { show } from '../spec/parse.ts';
import type { Preprocessing } from '../spec/preprocessing.ts';
import type { Table } from './csv.ts';
import { findTarget } from './source.ts';
import { notANumber } from './values.ts';

export interface MatchedRows {
  /** Raw rows with one field for each of `preprocessing.columns`. */
  x: string[][];
  /** The fields of the target column, where the table has one. */
  y?: string[];
}

/** A name that says nothing but the place: the file that the model learned from had no header. */
const PLACE = /^column(\d+)$/;

/**
 * The columns of the model in a table, and its target if it is there. Every name of the model is a name of the table:
 * by name, other columns are left out. Else, where either file has no header, by position: as many columns as the model
 * has, or one more, which is then the target (its place in training, as far as known, else the last).
 * @param target name or index of the target column; default: the model's
 * @param masks whether a target may be missing
 * @throws DataError `data/columns` if the table does not fit, `data/missing` with the line, `data/target`
 */
export function matchTable(
  table: Table,
  preprocessing: Preprocessing,
  target?: string | number,
  who = 'table',
  masks = false,
): MatchedRows {
  const { columns } = preprocessing;
  if (!columns) {
    throw new DataError('data/columns', `${who}: the model was not trained on a table, its inputs have no names.`);
  }
  const names = columns.map((column) => column.name);
  const asked = target === undefined ? undefined : findTarget(table, target, who);
  const { inputs, target: found } =
    byName(table, names, preprocessing, asked) ?? byPosition(table, names, preprocessing, asked, who);
  const y = asked ?? found;
  checkPresent(table, y === undefined || masks ? inputs : [...inputs, y], who);
  return {
    x: table.rows.map((row) => inputs.map((i) => row[i]!)),
    ...(y !== undefined && { y: table.rows.map((row) => row[y]!) }),
  };
}

interface Places {
  inputs: number[];
  target: number | undefined;
}

function byName(
  table: Table,
  names: string[],
  preprocessing: Preprocessing,
  asked: number | undefined,
): Places | undefined {
  const inputs = names.map((name) => table.names.indexOf(name));
  const fits = new Set(inputs).size === names.length && !inputs.includes(-1) && !inputs.includes(asked ?? -1);
  if (!fits || (!table.header && table.names.length > names.length + 1)) return undefined;
  const target = table.names.indexOf(preprocessing.target ?? '');
  return { inputs, target: target === -1 ? undefined : target };
}

function byPosition(
  table: Table,
  names: string[],
  preprocessing: Preprocessing,
  asked: number | undefined,
  who: string,
): Places {
  const all = table.names.map((_, i) => i);
  const without = (target: number) => ({ inputs: all.filter((i) => i !== target), target });
  if (!table.header || names.every((name) => PLACE.test(name))) {
    if (all.length === names.length && asked === undefined) return { inputs: all, target: undefined };
    if (all.length === names.length + 1) {
      const trained = Number(PLACE.exec(preprocessing.target ?? '')?.[1] ?? names.length);
      return without(asked ?? Math.min(trained, names.length));
    }
    throw new DataError(
      'data/columns',
      `${who}: has ${all.length} columns, expected ${names.length} (${names.join(', ')}), or one more for the target.`,
    );
  }
  const missing = names.find((name) => !table.names.includes(name));
  if (missing === undefined) {
    throw new DataError(
      'data/target',
      `${who}: the target column ${show(table.names[asked ?? 0])} is an input of the model; name another column.`,
    );
  }
  throw new DataError(
    'data/columns',
    `${who}: has no column ${show(missing)}${suggest(missing, table.names)}, which the model was trained on; got ${table.names.join(', ')}.`,
  );
}

function checkPresent(table: Table, columns: number[], who: string): void {
  table.rows.forEach((row, r) => {
    const missing = columns.find((i) => row[i] === '');
    if (missing !== undefined) {
      throw notANumber('', `${who}: line ${table.lines[r]}, column ${show(table.names[missing])}`);
    }
  });
}
