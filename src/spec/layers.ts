/** The layers of a network. */
import * as v from 'valibot';
import { SpecError } from '../errors.ts';
import {
  type Activation,
  type ActivationInput,
  type ActivationName,
  parseActivation,
  RELU_LIKE,
} from './activations.ts';
import {
  givenValues,
  type Initializer,
  type InitializerInput,
  type InitializerName,
  MAX_VALUES,
  parseInitializer,
} from './initializers.ts';
import { type Named, type OptionsInput, parseNamed } from './named.ts';
import { boolean, integer, parseObject, part, positive, rate, show, unknownName } from './parse.ts';
import {
  BIAS_PENALTIES,
  type BiasPenaltyOptions,
  NORM_PENALTIES,
  PENALTIES,
  type Penalties,
  type PenaltyOptions,
  parsePenalties,
  WEIGHTS,
  type WeightOptions,
} from './penalties.ts';

/** The widest layer that a spec may ask for. */
export const MAX_WIDTH = 65_536;
/** The most layers that a spec may ask for. */
export const MAX_LAYERS = 64;

export interface DenseLayer extends Penalties {
  type: 'dense';
  units: number;
  activation: Activation;
  bias: boolean;
  weightInitializer: Initializer;
  biasInitializer: Initializer;
}
export interface ActivationLayer {
  type: 'activation';
  activation: Activation;
}

const named = (what: string) => v.custom<unknown>((value) => value !== undefined, `expected ${what}`);

/** Layers that keep the width, by name, with their options. */
export const LAYERS = {
  /** Every row to mean 0 and variance 1, then times a weight and plus a bias of every column, if `affine`. */
  layerNorm: { epsilon: v.optional(positive, 1e-5), affine: v.optional(boolean, true) },
  /** Every row to a mean square of 1, then times a weight of every column, if `affine`. */
  rmsNorm: { epsilon: v.optional(positive, 2 ** -23), affine: v.optional(boolean, true) },
  /** Every column to mean 0 and variance 1 over the mini-batch; by running statistics where nothing is trained. */
  batchNorm: {
    epsilon: v.optional(positive, 1e-5),
    momentum: v.optional(part, 0.1),
    affine: v.optional(boolean, true),
  },
  /** In training a value is 0 with probability `rate`, else it is divided by 1 - rate. */
  dropout: { rate: v.optional(rate, 0.5) },
  /** In training a normal number times `stddev` is added to every value. */
  gaussianNoise: { stddev: positive },
} as const;

/** The other layers, with what has to be said of them. */
export const SHAPING_LAYERS = {
  dense: { units: integer(1, MAX_WIDTH) },
  activation: { activation: named('an activation') },
  residual: { layers: named('an array of layers') },
  embedding: { columns: named('an array of { column, categories, dimension }') },
} as const;

type Catalogue = typeof LAYERS;
/** A layer of `LAYERS` with every option present. */
export type PlainLayer = Named<Catalogue> & Penalties;
/** x → f(x) + x, or f(x) + W x where f changes the width. */
export interface ResidualLayer extends Penalties {
  type: 'residual';
  /** f */
  layers: Layer[];
  /** Of W. */
  weightInitializer: Initializer;
}
/** Numbers of categories → learned vectors. */
export interface EmbeddingLayer extends Penalties {
  type: 'embedding';
  columns: EmbeddedColumn[];
}
export interface EmbeddedColumn {
  /** The input of the network that holds the number, from 0. */
  column: number;
  /** How many there are: the numbers are 0 … categories - 1. */
  categories: number;
  /** Values of a vector. */
  dimension: number;
}
export type Layer = DenseLayer | ActivationLayer | PlainLayer | ResidualLayer | EmbeddingLayer;

export interface DenseOptions extends BiasPenaltyOptions, WeightOptions {
  /** Applied to the layer's output; default `'linear'`. */
  activation?: ActivationInput;
  /** Whether the layer adds a bias; default true. */
  bias?: boolean;
  /** Default: `heUniform` before relu-like activations, `lecunNormal` before selu, `glorotUniform` elsewhere. */
  weightInitializer?: InitializerInput;
  /** Default `zeros`. */
  biasInitializer?: InitializerInput;
}
export type LayerInput =
  | ({ type: 'dense'; units: number } & DenseOptions)
  | { type: 'activation'; activation: ActivationInput }
  | ({ type: 'embedding'; columns: readonly EmbeddedColumn[] } & EmbeddingOptions)
  | ({ type: 'residual'; layers: readonly LayerInput[] } & ResidualOptions)
  | { [N in keyof Catalogue]: { type: N } & OptionsInput<Catalogue[N]> & PenaltiesOf<N> }[keyof Catalogue];

export interface EmbeddingOptions extends PenaltyOptions, WeightOptions {}
/** Of the projection. */
export interface ResidualOptions extends EmbeddingOptions {
  weightInitializer?: InitializerInput;
}

type PenaltiesOf<N extends keyof Catalogue> = N extends 'layerNorm' | 'batchNorm'
  ? BiasPenaltyOptions
  : N extends 'rmsNorm'
    ? PenaltyOptions
    : unknown;
type NormOptions<N extends keyof Catalogue> = OptionsInput<Catalogue[N]> & PenaltiesOf<N>;

/** A dense layer: `x · W + b`, then its activation. */
export const dense = (units: number, options: DenseOptions = {}): LayerInput => ({ type: 'dense', units, ...options });

/** An activation as a layer of its own; the same as the option of the dense layer before it. */
export const activation = (activation: ActivationInput): LayerInput => ({ type: 'activation', activation });

/** Layer norm (Ba et al. 2016), `torch.nn.LayerNorm`. `epsilon` 1e-5; without `affine` (true) it has no parameters. */
export const layerNorm = (options: NormOptions<'layerNorm'> = {}): LayerInput => ({
  type: 'layerNorm',
  ...options,
});

/** RMS norm (Zhang and Sennrich 2019), `torch.nn.RMSNorm`. `epsilon` 2⁻²³; without `affine` (true) it has no parameters. */
export const rmsNorm = (options: NormOptions<'rmsNorm'> = {}): LayerInput => ({
  type: 'rmsNorm',
  ...options,
});

/**
 * Batch norm (Ioffe and Szegedy 2015), `torch.nn.BatchNorm1d`: `epsilon` 1e-5, `affine` true. A mini-batch needs two rows;
 * `momentum` 0.1 of its mean and unbiased variance goes into the running ones, by which a model predicts.
 */
export const batchNorm = (options: NormOptions<'batchNorm'> = {}): LayerInput => ({
  type: 'batchNorm',
  ...options,
});

/** Dropout (Srivastava et al. 2014), `torch.nn.Dropout`, in training alone. What is dropped follows from the seed. */
export const dropout = (rate = 0.5): LayerInput => ({ type: 'dropout', rate });

/** Adds normal numbers of deviation `stddev`, in training alone; Keras' `GaussianNoise`. They follow from the seed. */
export const gaussianNoise = (stddev: number): LayerInput => ({ type: 'gaussianNoise', stddev });

/**
 * A residual block (He et al. 2016): what its layers make of x, plus x. Where they change the width, x goes through
 * weights of its own, the projection, which has no bias; they start by `weightInitializer` 'glorotUniform'.
 */
export const residual = (layers: readonly LayerInput[], options: ResidualOptions = {}): LayerInput => ({
  type: 'residual',
  layers,
  ...options,
});

/**
 * Embeddings of categorical inputs, `torch.nn.Embedding`; the first layer of a network. Each of these inputs, the number of
 * a category, gives way to the vector of that category; the others stay where they are. Vectors start normally
 * distributed, with deviation 1.
 */
export const embedding = (columns: readonly EmbeddedColumn[], options: EmbeddingOptions = {}): LayerInput => ({
  type: 'embedding',
  columns,
  ...options,
});

const RESIDUAL = {
  type: v.any(),
  layers: v.any(),
  weightInitializer: v.optional(v.any(), 'glorotUniform'),
  ...{ ...PENALTIES, ...WEIGHTS },
};

const DENSE = {
  type: v.any(),
  units: integer(1, MAX_WIDTH),
  activation: v.any(),
  bias: v.optional(boolean, true),
  weightInitializer: v.optional(v.any()),
  biasInitializer: v.optional(v.any(), 'zeros'),
  ...{ ...BIAS_PENALTIES, ...WEIGHTS },
};

/**
 * The layers with every option present.
 * @param inputs of the network
 * @throws SpecError
 */
export function parseLayers(value: unknown, inputs: number, who: string): Layer[] {
  const layers = parseRow(value, inputs, who, 0);
  const all = flat(layers);
  if (all.length > MAX_LAYERS) {
    throw new SpecError('spec/value', `${who}: expected at most ${MAX_LAYERS} layers in all, got ${all.length}.`);
  }
  const denseLayers = all.filter((layer) => layer.type === 'dense');
  if (denseLayers.length === 0) {
    throw new SpecError('spec/value', `${who}: got no dense layer; there is nothing to train, add dense(units).`);
  }
  const values = all.flatMap((layer) => [
    ...('weightInitializer' in layer ? [layer.weightInitializer] : []),
    ...('biasInitializer' in layer ? [layer.biasInitializer] : []),
  ]);
  const count = sum(values.map(givenValues));
  if (count > MAX_VALUES) {
    throw new SpecError(
      'spec/value',
      `${who}: got ${count} values to start from, expected at most ${MAX_VALUES} in a spec; hand them to setWeights.`,
    );
  }
  return layers;
}

/** All layers, also those inside of others. */
export const flat = (layers: readonly Layer[]): Layer[] =>
  layers.flatMap((layer) => [layer, ...(layer.type === 'residual' ? flat(layer.layers) : [])]);

/** The width behind some layers that `inputs` go into. */
export function widthAfter(layers: readonly Layer[], inputs: number): number {
  return layers.reduce((width, layer) => {
    if (layer.type === 'dense') return layer.units;
    if (layer.type === 'embedding') return width + sum(layer.columns.map(({ dimension }) => dimension - 1));
    return layer.type === 'residual' ? widthAfter(layer.layers, width) : width;
  }, inputs);
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** How deep blocks may lie in blocks. */
const MAX_DEPTH = 8;

/** Layers one after the other. */
function parseRow(value: unknown, inputs: number, who: string, depth: number): Layer[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_LAYERS) {
    throw new SpecError('spec/value', `${who}: expected an array of 1 to ${MAX_LAYERS} layers, got ${show(value)}.`);
  }
  if (depth > MAX_DEPTH)
    throw new SpecError('spec/value', `${who}: expected at most ${MAX_DEPTH} blocks in each other.`);
  const late = value.findIndex((layer, i) => layer?.type === 'embedding' && (i > 0 || depth > 0));
  if (late !== -1) {
    throw new SpecError(
      'spec/value',
      `${who}[${late}]: got an embedding, expected it as the first layer of the network, where the numbers of the categories are; one takes several columns.`,
    );
  }
  let width = inputs;
  return value.map((given, i) => {
    const layer = parseLayer(given, width, nextActivation(value, i), `${who}[${i}]`, depth);
    width = widthAfter([layer], width);
    return layer;
  });
}

function parseLayer(value: unknown, inputs: number, following: unknown, who: string, depth: number): Layer {
  const type = (value as { type?: unknown } | null)?.type;
  if (type === 'activation') {
    const { activation } = parseObject({ type: v.any(), activation: v.any() }, value, who);
    return { type, activation: parseActivation(activation, `${who}.activation`) };
  }
  if (typeof type === 'string' && Object.hasOwn(LAYERS, type)) {
    const own = type as keyof Catalogue;
    const layer = parseNamed({ [own]: { ...LAYERS[own], ...NORM_PENALTIES[own] } }, 'layer', value, who);
    return { ...layer, ...parsePenalties(layer as PenaltyOptions, who) } as PlainLayer;
  }
  if (type === 'residual') {
    const { layers: given, weightInitializer, ...penalties } = parseObject(RESIDUAL, value, who);
    const layers = parseRow(given, inputs, `${who}.layers`, depth + 1);
    const shape = [widthAfter(layers, inputs), inputs];
    const initializer = parseInitializer(weightInitializer, shape, `${who}.weightInitializer`);
    return { type, layers, weightInitializer: initializer, ...parsePenalties(penalties, who) };
  }
  if (type === 'embedding') return parseEmbedding(value, inputs, who);
  if (type !== 'dense') {
    throw unknownName(who, 'layer', type, ['dense', 'activation', 'residual', 'embedding', ...Object.keys(LAYERS)]);
  }
  const layer = parseObject({ ...DENSE, activation: v.optional(v.any(), 'linear') }, value, who);
  const { units, bias } = layer;
  const activation = parseActivation(layer.activation, `${who}.activation`);
  const shaping = activation.type === 'linear' && following !== undefined ? following : activation;
  const name = parseActivation(shaping, `${who}.activation`).type;
  const weights = layer.weightInitializer ?? weightsBefore(name);
  return {
    type,
    units,
    activation,
    bias,
    weightInitializer: parseInitializer(weights, [units, inputs], `${who}.weightInitializer`),
    biasInitializer: parseInitializer(layer.biasInitializer, [units], `${who}.biasInitializer`),
    ...parsePenalties(layer, who),
  };
}

const EMBEDDING = { type: v.any(), columns: v.any(), ...PENALTIES, ...WEIGHTS };
/** The most inputs that may be embedded. */
const MAX_EMBEDDED = 64;

function parseEmbedding(value: unknown, inputs: number, who: string): EmbeddingLayer {
  const { columns: given, ...penalties } = parseObject(EMBEDDING, value, who);
  if (!Array.isArray(given) || given.length === 0 || given.length > MAX_EMBEDDED) {
    const expected = `expected an array of 1 to ${MAX_EMBEDDED} columns { column, categories, dimension }`;
    throw new SpecError('spec/value', `${who}.columns: ${expected}, got ${show(given)}.`);
  }
  const entries = {
    column: integer(0, inputs - 1),
    categories: integer(1, MAX_WIDTH),
    dimension: integer(1, MAX_WIDTH),
  };
  const columns = given.map((column, i) => parseObject(entries, column, `${who}.columns[${i}]`));
  const twice = columns.findIndex(({ column }, i) => columns.findIndex((other) => other.column === column) < i);
  if (twice !== -1) {
    const words = `got ${columns[twice]!.column} a second time, expected every column once`;
    throw new SpecError('spec/value', `${who}.columns[${twice}].column: ${words}.`);
  }
  return { type: 'embedding', columns, ...parsePenalties(penalties, who) };
}

/** Where weights start by default before an activation. */
function weightsBefore(name: ActivationName): InitializerName {
  if (name === 'selu') return 'lecunNormal';
  return RELU_LIKE.has(name) ? 'heUniform' : 'glorotUniform';
}

/** The activation of the stand-alone activation layer after layer `i`, if there is one; norms may stand between. */
function nextActivation(layers: unknown[], i: number): unknown {
  const after = layers.slice(i + 1) as ({ type?: unknown; activation?: unknown } | null)[];
  const next = after.find((layer) => typeof layer?.type !== 'string' || !Object.hasOwn(LAYERS, layer.type));
  return next?.type === 'activation' ? next.activation : undefined;
}
