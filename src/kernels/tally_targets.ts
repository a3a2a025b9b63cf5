/** Per target over an evaluation: rows by what a yes or no is and was predicted, or sums of |e| and e²; by their weights. */
import { yesAbove } from '../math/loss.ts';
import { LOSS_MATH, lossParameter } from '../math/losses.ts';
import { TASKS } from '../spec/losses.ts';
import { argument, at, fours, type Kernel, view, WORKGROUP } from './kernel.ts';
import { lossOverrides, readTarget, weightOf } from './loss.ts';

export const tally_targets: Kernel = {
  overrides: (step, find) => {
    const z = argument(step, find, 'z');
    return {
      MEMORY_FOURS: WORKGROUP,
      OUT_FOURS: fours(z.columns),
      Z_OFFSET: at(z),
      TABLE_OFFSET: at(argument(step, find, 'table')),
      BINARY: TASKS[step.loss!.type] === 'binary',
      THRESHOLD: yesAbove(step.loss!),
      EXPONENTIAL: step.loss!.type === 'poisson',
      ...lossOverrides(step.loss!, z.columns),
    };
  },
  workgroups: (step, find) => argument(step, find, 'table').rows,
  flops: (step, find) => 6 * step.batch * argument(step, find, 'table').rows,
  reference: (step, find, { slabs }) => {
    const { rows: targets } = argument(step, find, 'table');
    const { columns, stride } = argument(step, find, 'z');
    const z = view(argument(step, find, 'z'), slabs);
    const table = view(argument(step, find, 'table'), slabs);
    const loss = step.loss!;
    const binary = TASKS[loss.type] === 'binary';
    const { predict } = LOSS_MATH[loss.type];
    const [outputs, y] = [new Float64Array(columns), new Float64Array(targets)];
    const sums = new Float64Array(targets * 4);
    return ({ data, indices, rows, firstRow }) => {
      sums.fill(0);
      for (let row = 0; row < rows; row++) {
        const weight = weightOf(data, indices[row]!, false);
        if (weight === 0) continue;
        outputs.set(z.subarray(row * stride, row * stride + columns));
        readTarget(data, indices[row]!, y);
        if (!binary) predict(outputs, lossParameter(loss));
        for (let j = 0; j < targets; j++) {
          if (Number.isNaN(y[j]!)) continue;
          const e = outputs[j]! - y[j]!;
          if (binary) sums[j * 4 + 2 * Number(y[j]! > yesAbove(loss)) + Number(outputs[j]! > 0)]! += weight;
          else sums[j * 4]! += weight * Math.abs(e);
          if (!binary) sums[j * 4 + 1]! += weight * e * e;
        }
      }
      for (const [i, sum] of sums.entries()) table[i] = (firstRow === 0 ? 0 : table[i]!) + sum;
    };
  },
};
