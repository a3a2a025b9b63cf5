/** Puts the vector of its category in the place of a column of x; in training also gives the categories one-hot. */
import type { EmbeddedColumn } from '../spec/layers.ts';
import { argument, at, fours, groups, type Kernel, layerNumber, type Step, view } from './kernel.ts';

export const embedding_forward: Kernel = {
  overrides: (step, find) => {
    const { column, categories, dimension } = embeddedColumn(step);
    const [x, a, weight] = ['x', 'a', 'weight'].map((name) => argument(step, find, name));
    return {
      LAYER: layerNumber(step.writes.a!),
      ROWS: step.batch,
      IN_FOURS: fours(x!.columns),
      OUTPUTS: a!.columns,
      OUT_FOURS: fours(a!.columns),
      COLUMN: column,
      CATEGORIES: categories,
      DIMENSION: dimension,
      WEIGHT_FOURS: fours(dimension),
      X_OFFSET: at(x!),
      A_OFFSET: at(a!),
      WEIGHT_OFFSET: at(weight!),
      HOT_FOURS: hotFours(step),
      HOT_OFFSET: 'one_hot' in step.writes ? at(argument(step, find, 'one_hot')) : 0,
    };
  },
  workgroups: (step, find) => groups(step.batch * (fours(argument(step, find, 'a').columns) + hotFours(step))),
  flops: () => 0,
  watches: { a: 'activation' },
  reference: (step, find, { slabs }) => {
    const { column, dimension } = embeddedColumn(step);
    const [x, a, weight] = ['x', 'a', 'weight'].map((name) => argument(step, find, name));
    const [inputs, outputs, table] = [x!, a!, weight!].map((tensor) => view(tensor, slabs));
    const hot = 'one_hot' in step.writes ? argument(step, find, 'one_hot') : undefined;
    const oneHot = hot && view(hot, slabs);
    return () => {
      oneHot?.fill(0);
      for (let row = 0; row < step.batch; row++) {
        const from = row * x!.stride;
        const to = row * a!.stride;
        const category = inputs![from + column]!;
        for (let j = 0; j < column; j++) outputs![to + j] = inputs![from + j]!;
        for (let j = 0; j < dimension; j++) outputs![to + column + j] = table![category * weight!.stride + j]!;
        for (let j = column + 1; j < x!.columns; j++) outputs![to + j + dimension - 1] = inputs![from + j]!;
        if (oneHot) oneHot[row * hot.stride + category] = 1;
      }
    };
  },
};

export function embeddedColumn({ layer, number }: Step): EmbeddedColumn {
  if (layer?.type !== 'embedding') throw new Error(`${layer?.type} embeds nothing`);
  return layer.columns[number!]!;
}

const hotFours = (step: Step) => ('one_hot' in step.writes ? fours(embeddedColumn(step).categories) : 0);
