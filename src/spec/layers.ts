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
import { boolean, integer, parseObject, positive, show, unknownName } from './parse.ts';

/** The widest layer that a spec may ask for. */
export const MAX_WIDTH = 65_536;
/** The most layers that a spec may ask for. */
export const MAX_LAYERS = 64;

export interface DenseLayer {
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

/** Layers that keep the width, by name, with their options. */
export const LAYERS = {
  /** Every row to mean 0 and variance 1, then times a weight and plus a bias of every column, if `affine`. */
  layerNorm: { epsilon: v.optional(positive, 1e-5), affine: v.optional(boolean, true) },
  /** Every row to a mean square of 1, then times a weight of every column, if `affine`. */
  rmsNorm: { epsilon: v.optional(positive, 2 ** -23), affine: v.optional(boolean, true) },
} as const;

type Catalogue = typeof LAYERS;
/** A layer of `LAYERS` with every option present. */
export type PlainLayer = Named<Catalogue>;
export type Layer = DenseLayer | ActivationLayer | PlainLayer;

export interface DenseOptions {
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
  | { [N in keyof Catalogue]: { type: N } & OptionsInput<Catalogue[N]> }[keyof Catalogue];

/** A dense layer: `x · W + b`, then its activation. */
export const dense = (units: number, options: DenseOptions = {}): LayerInput => ({ type: 'dense', units, ...options });

/** An activation as a layer of its own; the same as the option of the dense layer before it. */
export const activation = (activation: ActivationInput): LayerInput => ({ type: 'activation', activation });

/** Layer norm (Ba et al. 2016), `torch.nn.LayerNorm`. `epsilon` 1e-5; without `affine` (true) it has no parameters. */
export const layerNorm = (options: OptionsInput<Catalogue['layerNorm']> = {}): LayerInput => ({
  type: 'layerNorm',
  ...options,
});

/** RMS norm (Zhang and Sennrich 2019), `torch.nn.RMSNorm`. `epsilon` 2⁻²³; without `affine` (true) it has no parameters. */
export const rmsNorm = (options: OptionsInput<Catalogue['rmsNorm']> = {}): LayerInput => ({
  type: 'rmsNorm',
  ...options,
});

const DENSE = {
  type: v.any(),
  units: integer(1, MAX_WIDTH),
  activation: v.any(),
  bias: v.optional(boolean, true),
  weightInitializer: v.optional(v.any()),
  biasInitializer: v.optional(v.any(), 'zeros'),
};

/**
 * The layers with every option present.
 * @param inputs of the network
 * @throws SpecError
 */
export function parseLayers(value: unknown, inputs: number, who: string): Layer[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_LAYERS) {
    throw new SpecError('spec/value', `${who}: expected an array of 1 to ${MAX_LAYERS} layers, got ${show(value)}.`);
  }
  let width = inputs;
  const layers = value.map((given, i) => {
    const layer = parseLayer(given, width, nextActivation(value, i), `${who}[${i}]`);
    if (layer.type === 'dense') width = layer.units;
    return layer;
  });
  const denseLayers = layers.filter((layer) => layer.type === 'dense');
  if (denseLayers.length === 0) {
    throw new SpecError('spec/value', `${who}: got no dense layer; there is nothing to train, add dense(units).`);
  }
  const values = denseLayers.flatMap((layer) => [layer.weightInitializer, layer.biasInitializer]).map(givenValues);
  const count = values.reduce((a, b) => a + b, 0);
  if (count > MAX_VALUES) {
    throw new SpecError(
      'spec/value',
      `${who}: got ${count} values to start from, expected at most ${MAX_VALUES} in a spec; hand them to setWeights.`,
    );
  }
  return layers;
}

function parseLayer(value: unknown, inputs: number, following: unknown, who: string): Layer {
  const type = (value as { type?: unknown } | null)?.type;
  if (type === 'activation') {
    const { activation } = parseObject({ type: v.any(), activation: v.any() }, value, who);
    return { type, activation: parseActivation(activation, `${who}.activation`) };
  }
  if (typeof type === 'string' && Object.hasOwn(LAYERS, type)) return parseNamed(LAYERS, 'layer', value, who);
  if (type !== 'dense') throw unknownName(who, 'layer', type, ['dense', 'activation', ...Object.keys(LAYERS)]);
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
  };
}

/** Where weights start by default before an activation. */
function weightsBefore(name: ActivationName): InitializerName {
  if (name === 'selu') return 'lecunNormal';
  return RELU_LIKE.has(name) ? 'heUniform' : 'glorotUniform';
}

/** The activation of the stand-alone activation layer after layer `i`, if there is one; norms may stand between. */
function nextActivation(layers: unknown[], i: number): unknown {
  const after = layers.slice(i + 1) as ({ type?: unknown; activation?: unknown } | null)[];
  const next = after.find((layer) => !Object.hasOwn(LAYERS, String(layer?.type)));
  return next?.type === 'activation' ? next.activation : undefined;
}
