/** What a model has to know of files that are never all in memory: two passes find kinds, means, categories and classes. */
import { DataError } from '../../errors.ts';
import { MAX_WIDTH } from '../../spec/layers.ts';
import { show } from '../../spec/parse.ts';
import { type Column, columnsWidth, type Preprocessing } from '../../spec/preprocessing.ts';
import { isNumeric, sortedNames, toNumber } from '../numbers.ts';
import { checkLabel, findTarget, looksLikeClasses, MAX_NUMERIC_CLASSES, type Task } from '../source.ts';
import { notANumber } from '../values.ts';
import { blocksOf } from './order.ts';
import type { Fields, Shard } from './shard.ts';

export interface Learned {
  task: Task;
  /** Rows in all. */
  count: number;
  inputs: number;
  /** The number of classes, or of values to predict. */
  outputs: number;
  preprocessing: Preprocessing;
  /** In words, for people. */
  describe: string;
}

export interface LearnOptions {
  /** The column to predict, by name or index from 0; default the last. */
  target?: string | number | undefined;
  /** Rows from this one on are not trained on: means, deviations and categories are learned without them. Default: none. */
  trainRows?: ((count: number) => number) | undefined;
}

/** Rows of a block where a file may be read from anywhere. */
const BLOCK_ROWS = 4096;

/** Blocks of a shard, in file order. */
export async function* blocksIn(shard: Shard, from = 0, to = Number.POSITIVE_INFINITY) {
  for (const block of blocksOf([await shard.open()], BLOCK_ROWS)) {
    const [first, end] = [Math.max(from, block.from), Math.min(to, block.to)];
    if (first < end) yield { from: first, to: end };
  }
}

/**
 * The same as a source of all rows in memory says, of a table or of two arrays.
 * @throws DataError as `tableSource` and `arraySource`; `data/limit` for a column of more names than a model has inputs
 */
export async function learn(shard: Shard, options: LearnOptions = {}): Promise<Learned> {
  const { rows: count } = await shard.open();
  const trainRows = options.trainRows?.(count) ?? count;
  return shard.table ? learnTable(shard, count, trainRows, options.target) : learnArrays(shard, count);
}

async function learnArrays(shard: Shard, count: number): Promise<Learned> {
  const { width: inputs = 0, bytes } = await shard.open();
  let outputs = 0;
  let task: Task = 'classes';
  for await (const { from, to } of blocksIn(shard)) {
    const y = await shard.targets!(from, to);
    if (y instanceof Float32Array) {
      task = 'regression';
      outputs = y.length / (to - from);
      break;
    }
    for (let i = 0; i < y.length; i++) outputs = Math.max(outputs, checkLabel(Number(y[i]), from + i, shard.name) + 1);
  }
  if (task === 'classes' && outputs < 2) {
    throw new DataError('data/classes', `${shard.name}: all labels are 0, expected two classes or more.`);
  }
  const preprocessing = bytes ? { bytes: { scale: 1 / 255, offset: 0 } } : {};
  const numbers = outputs === 1 ? 'a number' : `${outputs} numbers`;
  const describe = `${count} rows of ${inputs} → ${task === 'classes' ? `${outputs} classes` : numbers}`;
  return { task, count, inputs, outputs, preprocessing, describe };
}

/** One column, as far as it was seen. */
interface Seen {
  readonly name: string;
  numeric: boolean;
  first: number;
  sum: number;
  mean: number;
  squares: number;
  readonly names: Set<string>;
  /** Its first number that is not finite. */
  bad?: DataError;
}

type Field = Fields['rows'][number][number];

async function learnTable(
  shard: Shard,
  count: number,
  trainRows: number,
  wish: string | number | undefined,
): Promise<Learned> {
  const who = shard.name;
  const { names } = await shard.table!(0, 1);
  if (names.length < 2) {
    throw new DataError('data/shape', `${who}: has one column, expected at least one input and the target.`);
  }
  const target = findTarget({ names: [...names] }, wish ?? names.length - 1, who);
  const columns = names.map((name): Seen => {
    return { name, numeric: true, first: Number.NaN, sum: 0, mean: 0, squares: 0, names: new Set() };
  });
  const goal = columns[target]!;
  const classCounts = new Map<number, number>();
  const each = async (work: (column: Seen, field: Field, row: number, where: string) => void) => {
    for await (const { from, to } of blocksIn(shard)) {
      const { rows, where } = await shard.table!(from, to);
      for (const [i, fields] of rows.entries()) {
        for (const [c, column] of columns.entries()) {
          if (fields[c] === '') throw notANumber('', `${who}: ${where(i)}, column ${show(column.name)}`);
          work(column, fields[c]!, from + i, where(i));
        }
      }
    }
  };

  // The first pass: which columns are numbers, and their means.
  await each((column, field, row, where) => {
    column.numeric &&= typeof field === 'number' || isNumeric(field);
    if (!column.numeric) return;
    const value = toNumber(field);
    if (!Number.isFinite(value)) column.bad ??= notANumber(field, `${who}: ${where}, column ${show(column.name)}`);
    if (column === goal && classCounts.size <= MAX_NUMERIC_CLASSES)
      classCounts.set(value, (classCounts.get(value) ?? 0) + 1);
    if (row >= trainRows) return;
    if (row === 0) column.first = value;
    column.sum += value - column.first;
  });
  for (const { numeric, bad } of columns) if (numeric && bad) throw bad;
  for (const column of columns) column.mean = column.first + column.sum / trainRows;
  const task: Task = goal.numeric && !looksLikeClasses(classCounts) ? 'regression' : 'classes';

  // The second: deviations, and the names of what is none.
  await each((column, field, row) => {
    const named = column === goal ? task === 'classes' : !column.numeric && row < trainRows;
    if (named) {
      column.names.add(column.numeric ? String(Number(field)) : String(field));
      if (column.names.size > MAX_WIDTH) {
        throw new DataError(
          'data/limit',
          `${who}: column ${show(column.name)}: got more than ${MAX_WIDTH} different names, expected at most so many; leave the column out.`,
        );
      }
    } else if (row < trainRows) column.squares += (toNumber(field) - column.mean) ** 2;
  });
  const classes = task === 'classes' ? sortedNames(goal.names) : undefined;
  if (classes && classes.length < 2) {
    throw new DataError(
      'data/classes',
      `${who}: column ${show(goal.name)} has the one class ${show(classes[0])}, expected two or more.`,
    );
  }
  const inputs = columns.filter((column) => column !== goal);
  const fitted = inputs.map((column) => columnOf(column, trainRows, who));
  const of = classes ? `${classes.length} classes` : 'a number';
  return {
    task,
    count,
    inputs: columnsWidth(fitted),
    outputs: classes?.length ?? 1,
    preprocessing: { columns: fitted, target: goal.name, ...(classes && { classes }) },
    describe: `${count} rows: ${inputs.length} columns → ${of} (${goal.name})`,
  };
}

function columnOf({ name, numeric, mean, squares, names }: Seen, rows: number, who: string): Column {
  if (!numeric) return { type: 'category', name, categories: sortedNames(names) };
  const deviation = Math.sqrt(squares / rows);
  if (Number.isFinite(mean) && Number.isFinite(deviation))
    return { type: 'numeric', name, mean, deviation: deviation || 1 };
  throw new DataError(
    'data/range',
    `${who}: column ${show(name)}: its values are too large to average; scale them down.`,
  );
}
