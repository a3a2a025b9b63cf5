/** The weights of rows by true and predicted class, and in a last row by the rank of the true class, over an evaluation. */
import { argument, at, type Find, fours, groups, type Kernel, type Step, view } from './kernel.ts';

/** Rows of the table: one a class, or none; behind them one of the ranks, or none. */
function shapeOf(step: Step, find: Find): { rows: number; classes: number; ranks: boolean } {
  const { rows, columns: classes } = argument(step, find, 'table');
  return { rows, classes, ranks: rows !== classes };
}

export const tally_classes: Kernel = {
  overrides: (step, find) => {
    const { rows, classes, ranks } = shapeOf(step, find);
    return {
      TABLE_ROWS: rows,
      TABLE_FOURS: fours(classes),
      RANKS: ranks,
      MARKS_OFFSET: at(argument(step, find, 'marks')),
      TABLE_OFFSET: at(argument(step, find, 'table')),
    };
  },
  workgroups: (step, find) => groups(argument(step, find, 'table').rows),
  flops: (step, find) => step.batch * argument(step, find, 'table').rows,
  reference: (step, find, { slabs }) => {
    const { rows: tableRows, classes, ranks } = shapeOf(step, find);
    const { stride } = argument(step, find, 'table');
    const marks = view(argument(step, find, 'marks'), slabs);
    const table = view(argument(step, find, 'table'), slabs);
    return ({ rows, firstRow }) => {
      if (firstRow === 0) table.fill(0);
      const add = (row: number, column: number, weight: number) => {
        table[row * stride + column] = table[row * stride + column]! + weight;
      };
      for (let row = 0; row < rows; row++) {
        const [truth, guess, rank, weight] = marks.subarray(row * 4, row * 4 + 4) as unknown as number[];
        if (weight === 0) continue;
        if (tableRows >= classes) add(truth!, guess!, weight!);
        if (ranks) add(tableRows - 1, rank!, weight!);
      }
    };
  },
};
