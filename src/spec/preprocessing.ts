/** How raw inputs and targets become numbers: data that travels with the model. */
import * as v from 'valibot';
import { SpecError } from '../errors.ts';
import { number, oneOf, parseObject, positive, show, text } from './parse.ts';

/**
 * One column of a table: standardised as (x − mean) / deviation, or one-hot over `categories` in their order, or, with the
 * encoding 'index', the place among them, which a layer embedding then takes.
 */
export type Column =
  | { type: 'numeric'; name: string; mean: number; deviation: number }
  | { type: 'category'; name: string; categories: string[]; encoding?: 'index' };

export interface Preprocessing {
  /** Byte inputs count as byte × scale + offset; default 1/255 and 0. Floats are taken as they are. */
  bytes?: { scale: number; offset: number };
  /** Raw table rows count as these columns, left to right. */
  columns?: Column[];
  /** The name of the target column, where one is known. */
  target?: string;
  /** Class names in the order of their indices: targets may be given, and are printed, by name. */
  classes?: string[];
}

const SCHEMA = {
  bytes: v.optional(v.any()),
  columns: v.optional(v.any()),
  target: v.optional(text),
  classes: v.optional(v.any()),
};

/** @throws SpecError */
export function parsePreprocessing(value: unknown, who: string): Preprocessing {
  const { bytes, columns, target, classes } = parseObject(SCHEMA, value, who);
  return {
    ...(bytes !== undefined && { bytes: parseObject({ scale: number, offset: number }, bytes, `${who}.bytes`) }),
    ...(columns !== undefined && { columns: parseColumns(columns, `${who}.columns`) }),
    ...(target !== undefined && { target }),
    ...(classes !== undefined && { classes: parseNames(classes, `${who}.classes`) }),
  };
}

function parseColumns(value: unknown, who: string): Column[] {
  if (!Array.isArray(value)) throw new SpecError('spec/value', `${who}: expected an array, got ${show(value)}.`);
  return value.map((column, i): Column => {
    const here = `${who}[${i}]`;
    if ((column as Column | null)?.type === 'category') {
      const entries = {
        type: v.any(),
        name: text,
        categories: v.any(),
        encoding: v.optional(oneOf(['index'] as const)),
      };
      const { name, categories, encoding } = parseObject(entries, column, here);
      const names = parseNames(categories, `${here}.categories`);
      return { type: 'category', name, categories: names, ...(encoding && { encoding }) };
    }
    const numeric = {
      type: v.literal('numeric', 'expected numeric or category'),
      name: text,
      mean: number,
      deviation: positive,
    };
    return parseObject(numeric, column, here);
  });
}

function parseNames(value: unknown, who: string): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.some((name) => typeof name !== 'string')) {
    throw new SpecError('spec/value', `${who}: expected an array of strings, got ${show(value)}.`);
  }
  if (new Set(value).size !== value.length) {
    throw new SpecError('spec/value', `${who}: expected names that differ, got ${show(value)}.`);
  }
  return [...value];
}

/** The number of model inputs that a column of the table becomes. */
export const columnWidth = (column: Column): number =>
  column.type === 'numeric' || column.encoding === 'index' ? 1 : column.categories.length;

/** The number of model inputs that a row of the table becomes. */
export const columnsWidth = (columns: readonly Column[]): number =>
  columns.reduce((sum, column) => sum + columnWidth(column), 0);
