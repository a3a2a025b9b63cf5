/** A network as its spec draws it: where its layers stand, how wide they are, and what parameters they have. */
import type { Initializer } from './initializers.ts';
import type { Layer } from './layers.ts';

/** A layer at its place. */
export interface Placed {
  readonly layer: Layer;
  /** Where it stands, as PyTorch writes it behind `layers.`: `0`. */
  readonly path: string;
  readonly inputs: number;
  readonly outputs: number;
}

/** What a layer has that is saved with the model. */
export interface Parameter {
  /** PyTorch's name: `layers.0.weight`. */
  readonly name: string;
  /** PyTorch's shape. */
  readonly shape: readonly number[];
  /** A `matrix` [out, in] lies in a program as [in, out]; everything else lies as it is. */
  readonly kind: 'matrix' | 'vector';
  /** Where it starts, and for how many inputs. */
  readonly initializer: Initializer;
  readonly fanIn: number;
}

type Drawn = { readonly inputs: number; readonly layers: readonly Layer[] };

/** The layers, first to last. */
export function placeLayers({ inputs, layers }: Drawn): Placed[] {
  let width = inputs;
  return layers.map((layer, index) => {
    const own = width;
    if (layer.type === 'dense') width = layer.units;
    return { layer, path: String(index), inputs: own, outputs: width };
  });
}

/** All parameters, first layer first. */
export const parametersOf = (spec: Drawn): Parameter[] => placeLayers(spec).flatMap(parametersAt);

const ONES: Initializer = { type: 'constant', value: 1 };
const ZEROS: Initializer = { type: 'zeros' };

/** The parameters of one layer. */
export function parametersAt({ layer, path, inputs, outputs }: Placed): Parameter[] {
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
    default:
      return [];
  }
}
