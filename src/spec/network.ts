/** A network as its spec draws it: where its layers stand, how wide they are, and what parameters they have. */
import type { Initializer } from './initializers.ts';
import { type Layer, widthAfter } from './layers.ts';
import type { Decays, Penalties, Regularizer, Rule } from './penalties.ts';

/** A layer at its place. */
export interface Placed {
  readonly layer: Layer;
  /** Where it stands, as PyTorch writes it behind `layers.`: `2.layers.0`. */
  readonly path: string;
  /** How many layers were drawn before it, blocks before what is in them. */
  readonly number: number;
  readonly inputs: number;
  readonly outputs: number;
  /** The layers of a block. */
  readonly inner: readonly Placed[];
}

/** What a layer has that is saved with the model. */
export interface Parameter {
  /** PyTorch's name: `layers.0.weight`. */
  readonly name: string;
  /** PyTorch's shape. */
  readonly shape: readonly number[];
  /** A `matrix` [out, in] lies in a program as [in, out]; everything else lies as it is. Statistics are not trained. */
  readonly kind: 'matrix' | 'table' | 'vector' | 'statistic';
  /** Where it starts, and for how many inputs. */
  readonly initializer: Initializer;
  readonly fanIn: number;
  /** What its layer says of penalties and weight decay. */
  readonly regularizer?: Regularizer;
  readonly decays?: Decays;
  /** Of a matrix or a table: the largest norm of a unit's or a category's part. */
  readonly maxNorm?: number | false;
}

type Drawn = { readonly inputs: number; readonly layers: readonly Layer[] };

/** The layers, first to last. */
export const placeLayers = ({ inputs, layers }: Drawn): Placed[] => placeRow(layers, inputs, '', 0);

function placeRow(layers: readonly Layer[], inputs: number, before: string, first: number): Placed[] {
  let width = inputs;
  let number = first;
  return layers.map((layer, index) => {
    const path = `${before}${index}`;
    const own = { layer, path, number: number++, inputs: width, outputs: widthAfter([layer], width) };
    const inner = layer.type === 'residual' ? placeRow(layer.layers, width, `${path}.layers.`, number) : [];
    width = own.outputs;
    number += countIn(inner);
    return { ...own, inner };
  });
}

const countIn = (placed: readonly Placed[]): number => placed.reduce((sum, { inner }) => sum + 1 + countIn(inner), 0);

/** All parameters, first layer first; those of a block in front of its layers'. */
export const parametersOf = (spec: Drawn): Parameter[] => placeLayers(spec).flatMap(parametersAt);

const ONES: Initializer = { type: 'constant', value: 1 };
/** Of variance 1 / fanIn, where that is 1. */
const NORMAL: Initializer = { type: 'lecunNormal' };
const ZEROS: Initializer = { type: 'zeros' };

/** The parameters of one layer, and of those in it. */
export function parametersAt(placed: Placed): Parameter[] {
  const { weightRegularizer, biasRegularizer, decays, maxNorm } = placed.layer as Penalties;
  const own = ownParameters(placed).map((parameter): Parameter => {
    const regularizer = parameter.name.endsWith('.bias') ? biasRegularizer : weightRegularizer;
    const limited = maxNorm !== undefined && parameter.kind !== 'vector';
    return {
      ...parameter,
      ...(regularizer && { regularizer }),
      ...(decays && { decays }),
      ...(limited && { maxNorm }),
    };
  });
  return [...own, ...placed.inner.flatMap(parametersAt)];
}

/** What holds for the trained parameters of a spec in its updates, by name. */
export function rulesOf(
  spec: Drawn & { weightRegularizer?: Regularizer; maxNorm?: number; optimizer: { decays: Decays } },
): Map<string, Rule> {
  const trained = parametersOf(spec).filter(({ kind }) => kind !== 'statistic');
  return new Map(
    trained.map(({ name, kind, regularizer, decays = spec.optimizer.decays, maxNorm = spec.maxNorm }) => {
      const weight = kind !== 'vector';
      const penalty = regularizer ?? (weight ? spec.weightRegularizer : undefined);
      const decaying = decays === 'all' || (decays === 'weights' && weight);
      const limits = { maxNorm: (weight && maxNorm) || 0, table: kind === 'table' };
      const rule = { l1: 0, l2: 0, decays: decaying, ...limits };
      const { type: _, ...factors } = penalty ?? { type: 'none' };
      return [name, { ...rule, ...factors }];
    }),
  );
}

function ownParameters({ layer, path, inputs, outputs }: Placed): Parameter[] {
  const name = (leaf: string) => `layers.${path}.${leaf}`;
  const vector = (leaf: string, initializer: Initializer): Parameter => {
    return { name: name(leaf), shape: [outputs], kind: 'vector', initializer, fanIn: inputs };
  };
  switch (layer.type) {
    case 'dense': {
      const { weightInitializer: initializer, biasInitializer } = layer;
      const weight = { name: name('weight'), shape: [outputs, inputs], initializer, fanIn: inputs };
      return [{ ...weight, kind: 'matrix' }, ...(layer.bias ? [vector('bias', biasInitializer)] : [])];
    }
    case 'layerNorm':
      return layer.affine ? [vector('weight', ONES), vector('bias', ZEROS)] : [];
    case 'rmsNorm':
      return layer.affine ? [vector('weight', ONES)] : [];
    case 'batchNorm':
      return [
        ...(layer.affine ? [vector('weight', ONES), vector('bias', ZEROS)] : []),
        { ...vector('running_mean', ZEROS), kind: 'statistic' },
        { ...vector('running_var', ONES), kind: 'statistic' },
      ];
    case 'embedding':
      return layer.columns.map(({ categories, dimension }, n) => {
        const shape = [categories, dimension];
        return { name: name(`tables.${n}.weight`), shape, kind: 'table', initializer: NORMAL, fanIn: 1 };
      });
    case 'residual': {
      const projection: Parameter = {
        ...{ name: name('projection.weight'), shape: [outputs, inputs], kind: 'matrix' },
        ...{ initializer: layer.weightInitializer, fanIn: inputs },
      };
      return inputs === outputs ? [] : [projection];
    }
    default:
      return [];
  }
}
