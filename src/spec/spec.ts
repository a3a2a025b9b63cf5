/** The spec of a training run: plain data, checked once, filled with defaults, frozen, saved with the model. */
import * as v from 'valibot';
import { SpecError } from '../errors.ts';
import { parseClassWeight } from './class-weight.ts';
import { parseClip } from './clip.ts';
import { flat, type Layer, type LayerInput, MAX_WIDTH, parseLayers, widthAfter } from './layers.ts';
import { type Loss, type LossInput, outputsOf, parseLoss, TASKS, targetsOf } from './losses.ts';
import { type Metric, type MetricInput, parseMetrics } from './metrics.ts';
import { type Named, type NamedInput, parseNamed } from './named.ts';
import { type Optimizer, type OptimizerInput, parseOptimizer } from './optimizers.ts';
import { boolean, fraction, integer, limit, oneOf, parseObject, positive, show } from './parse.ts';
import { parseRegularizer, type Regularizer, type RegularizerInput } from './penalties.ts';
import { columnsWidth, columnWidth, type Preprocessing, parsePreprocessing } from './preprocessing.ts';

/** How rows are drawn: every epoch in a new order, uniform with replacement, or in file order. */
export const SAMPLERS = ['shuffle', 'uniform', 'sequential'] as const;
export type SamplerName = (typeof SAMPLERS)[number];

const counted = (standard: number) => v.optional(integer(1, Number.MAX_SAFE_INTEGER), standard);
/** What may be done about numbers that are not finite. */
export const NON_FINITE = {
  stop: {},
  skip: {},
  rollback: { factor: v.optional(fraction, 0.5), attempts: counted(3), every: counted(200) },
} as const;
export type NonFiniteInput = keyof typeof NON_FINITE | NamedInput<typeof NON_FINITE>;
export type Rollback = Extract<Named<typeof NON_FINITE>, { type: 'rollback' }>;

/** The largest mini-batch. */
export const MAX_BATCH = 1_048_576;

/** What a user writes; what is left out has a default. */
export interface SpecInput {
  /** Number of inputs of the network. */
  inputs: number;
  layers: readonly LayerInput[];
  loss: LossInput;
  /** Default `'adam'`. */
  optimizer?: OptimizerInput;
  /** Rows per update, or `'full'` for the whole set; default 32. */
  batchSize?: number | 'full';
  /** Default `'shuffle'`. */
  sampler?: SamplerName;
  /** Of the initial weights and the sampling, 0 … 2³² − 1; default 0. */
  seed?: number;
  /** How raw inputs become numbers. */
  preprocessing?: Preprocessing;
  /**
   * What happens where a loss, an activation or a gradient is NaN or infinite: `'stop'` (default) ends the training at the
   * step before; `'skip'` counts the step, which then changes nothing; `'rollback'` goes back to where the run stood up to
   * `every` (200) updates ago, multiplies the learning rate by `factor` (0.5) from there on, and ends the training after
   * so many `attempts` (3) from one place.
   */
  nonFinite?: NonFiniteInput;
  /** Every value of a gradient is held between −`clipValue` and `clipValue`, as `clip_grad_value_` does. Default: it is not. */
  clipValue?: number;
  /** The gradient of a tensor is made as short as `clipNorm`, where it is longer, as `clip_grad_norm_` does with one tensor. */
  clipNorm?: number;
  /** The gradients of all tensors together are made as short, where they are longer, as `clip_grad_norm_` does with all. */
  globalClipNorm?: number;
  /** A penalty on the weights of all layers that name none, but not on biases and norms; default none. */
  weightRegularizer?: RegularizerInput;
  /**
   * The largest norm of the weights into a unit and of the vectors of categories, after every update, in all layers that name
   * none; Keras' `MaxNorm`. Default: any.
   */
  maxNorm?: number;
  /**
   * Mini-batches of an update, 1 … 1024, default 1: their gradients are summed, so that the update is that of one mini-batch
   * of all their rows, in the memory of one.
   */
  gradientAccumulationSteps?: number;
  /** Whether the events of steps tell the norms of gradients and updates; default false. */
  gradientNorms?: boolean;
  /**
   * How much a row counts in training by its class, beside its sample weight: one number ≥ 0 a class, or by the number or
   * the name of a class, where the others count 1. Evaluation leaves it out.
   */
  classWeight?: readonly number[] | Readonly<Record<string, number>>;
  /**
   * Targets that are NaN or missing, and the label −1 where that is no class, do not count; else they are an error, the
   * default. Each of several targets of a row counts on its own, where the loss is a mean over them.
   */
  maskTargets?: boolean;
  /** What an evaluation tells beside the loss and what costs nothing, such as `['f1', { type: 'topK', k: 5 }]`. */
  metrics?: readonly MetricInput[];
  /**
   * `'mixed'`: activations and deltas are stored as halves (16 bits), and products take the weights as halves; sums,
   * weights and optimizer state are floats, and the loss is scaled as `torch.amp.GradScaler` does. Runs in `layered`; on
   * a GPU without `shader-f16` as `'f32'`, the default, and says so.
   */
  precision?: 'f32' | 'mixed';
}

/** A checked spec with every default filled in. */
export interface Spec {
  readonly inputs: number;
  readonly layers: readonly Layer[];
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  readonly batchSize: number | 'full';
  readonly sampler: SamplerName;
  readonly seed: number;
  readonly preprocessing: Preprocessing;
  /** Absent for `'stop'`. */
  readonly nonFinite?: 'skip' | Rollback;
  readonly clipValue?: number;
  readonly clipNorm?: number;
  readonly globalClipNorm?: number;
  readonly weightRegularizer?: Regularizer;
  readonly maxNorm?: number;
  /** Absent for 1. */
  readonly gradientAccumulationSteps?: number;
  /** Absent for false. */
  readonly gradientNorms?: boolean;
  /** One a class; absent where all count the same. */
  readonly classWeight?: readonly number[];
  /** Absent for `false`. */
  readonly maskTargets?: boolean;
  /** Absent where none were asked for. */
  readonly metrics?: readonly Metric[];
  /** Absent for `'f32'`. */
  readonly precision?: 'mixed';
}

const ENTRIES = {
  inputs: integer(1, MAX_WIDTH),
  layers: v.any(),
  loss: v.any(),
  optimizer: v.optional(v.any(), 'adam'),
  batchSize: v.optional(v.any(), 32),
  sampler: v.optional(oneOf(SAMPLERS), 'shuffle'),
  seed: v.optional(integer(0, 0xffff_ffff), 0),
  preprocessing: v.optional(v.any(), {}),
  nonFinite: v.optional(v.any(), 'stop'),
  clipValue: v.optional(positive),
  clipNorm: v.optional(positive),
  globalClipNorm: v.optional(positive),
  weightRegularizer: v.optional(v.any()),
  maxNorm: v.optional(limit),
  gradientAccumulationSteps: v.optional(integer(1, 1024), 1),
  gradientNorms: v.optional(boolean, false),
  classWeight: v.optional(v.any()),
  maskTargets: v.optional(boolean, false),
  precision: v.optional(oneOf(['f32', 'mixed']), 'f32'),
  metrics: v.optional(v.any()),
};

/**
 * Checks a spec and fills in its defaults. A checked spec passes unchanged.
 * @throws SpecError that names the key, what it got and what it expected
 */
export function parseSpec(input: unknown, who = 'spec'): Spec {
  const { inputs, sampler, seed, gradientAccumulationSteps, maskTargets, ...rest } = parseObject(ENTRIES, input, who);
  const nonFinite = parseNamed(NON_FINITE, 'policy', rest.nonFinite, `${who}.nonFinite`);
  const { batchSize } =
    rest.batchSize === 'full'
      ? rest
      : parseObject({ batchSize: integer(1, MAX_BATCH) }, { batchSize: rest.batchSize }, who);
  const unweighted: Spec = {
    inputs,
    layers: parseLayers(rest.layers, inputs, `${who}.layers`),
    loss: parseLoss(rest.loss, `${who}.loss`),
    optimizer: parseOptimizer(rest.optimizer, `${who}.optimizer`),
    batchSize: batchSize as number | 'full',
    sampler,
    seed,
    preprocessing: parsePreprocessing(rest.preprocessing, `${who}.preprocessing`),
    ...(nonFinite.type === 'skip' && { nonFinite: nonFinite.type }),
    ...(nonFinite.type === 'rollback' && { nonFinite }),
    ...parseClip(rest, who),
    ...(rest.weightRegularizer !== undefined && {
      weightRegularizer: parseRegularizer(rest.weightRegularizer, `${who}.weightRegularizer`),
    }),
    ...(rest.maxNorm !== undefined && { maxNorm: rest.maxNorm }),
    ...(gradientAccumulationSteps > 1 && { gradientAccumulationSteps }),
    ...(rest.gradientNorms && { gradientNorms: true }),
    ...(maskTargets && { maskTargets }),
    ...(rest.precision === 'mixed' && { precision: rest.precision }),
  };
  checkTogether(unweighted, who);
  const classWeight = parseClassWeight(rest.classWeight, unweighted, `${who}.classWeight`);
  const metrics = parseMetrics(rest.metrics, unweighted, `${who}.metrics`);
  const spec = { ...unweighted, ...(classWeight && { classWeight }), ...(metrics && { metrics }) };
  return deepFreeze(spec);
}

/** What no single key can show. */
function checkTogether(spec: Spec, who: string): void {
  const { columns, classes } = spec.preprocessing;
  if (columns && columnsWidth(columns) !== spec.inputs) {
    throw new SpecError(
      'spec/inputs',
      `${who}.inputs: got ${spec.inputs}, but preprocessing.columns give ${columnsWidth(columns)} inputs; set inputs to ${columnsWidth(columns)}.`,
    );
  }
  checkEmbedded(spec, who);
  checkMixed(spec, who);
  const { batchSize, gradientAccumulationSteps: parts = 1 } = spec;
  if (parts > 1 && !(Number(batchSize) * parts <= MAX_BATCH)) {
    throw new SpecError(
      'spec/value',
      `${who}.gradientAccumulationSteps: got ${parts} with batchSize ${show(batchSize)}, expected a number of rows, and at most ${MAX_BATCH} of them in an update; use a smaller batchSize or fewer mini-batches.`,
    );
  }
  if (spec.batchSize === 1 && flat(spec.layers).some(({ type }) => type === 'batchNorm')) {
    throw new SpecError(
      'spec/value',
      `${who}.batchSize: got 1 with a layer batchNorm, which needs two rows to normalise; use a batchSize of 2 or more, or layerNorm.`,
    );
  }
  const width = outputs(spec);
  const task = TASKS[spec.loss.type];
  const { expected: shape, fits } = outputsOf(spec.loss);
  if (!fits(width)) {
    const instead =
      spec.loss.type === 'softmaxCrossEntropy' ? "; use dense(2), or loss 'sigmoidBinaryCrossEntropy'" : '';
    throw new SpecError('spec/outputs', `${who}.layers: ${spec.loss.type} needs ${shape}, got ${width}${instead}.`);
  }
  const expected = task === 'binary' && width === 1 ? 2 : width;
  if (classes && (task === 'classes' || task === 'binary') && classes.length !== expected) {
    throw new SpecError(
      'spec/outputs',
      `${who}.layers: the last dense layer has ${width} outputs, but there are ${classes.length} classes (${show(classes)}).`,
    );
  }
}

/** A column of places among categories is embedded, by a table that has them all. */
function checkEmbedded({ layers: [first], preprocessing: { columns = [] } }: Spec, who: string): void {
  const embedded = first?.type === 'embedding' ? first.columns : [];
  let input = 0;
  for (const [i, column] of columns.entries()) {
    const own = embedded.find((other) => other.column === input);
    const indexed = column.type === 'category' && column.encoding === 'index';
    if (indexed && (own?.categories ?? 0) < column.categories.length) {
      throw new SpecError(
        'spec/value',
        `${who}.preprocessing.columns[${i}]: ${show(column.name)} has ${column.categories.length} categories by their index, expected layers[0] to be embedding([{ column: ${input}, categories: ${column.categories.length}, dimension }]), got ${own ? `categories: ${own.categories}` : 'none'}.`,
      );
    }
    input += columnWidth(column);
  }
}

/** Halves count to 2048 alone. */
function checkMixed({ precision, layers }: Spec, who: string): void {
  if (!precision) return;
  const column = flat(layers)
    .flatMap((layer) => (layer.type === 'embedding' ? layer.columns : []))
    .find(tooMany);
  if (!column) return;
  throw new SpecError(
    'spec/value',
    `${who}.layers: with precision 'mixed' got an embedding of ${column.categories} categories, expected at most ${MOST_COUNTED}; use precision 'f32'.`,
  );
}

const MOST_COUNTED = 2048;
const tooMany = ({ categories }: { categories: number }) => categories > MOST_COUNTED;

/** Mini-batches of an update. */
export const partsOf = ({ gradientAccumulationSteps = 1 }: Pick<Spec, 'gradientAccumulationSteps'>): number =>
  gradientAccumulationSteps;

/** The number of outputs of the network: the width behind its last layer. */
export const outputs = ({ layers }: { readonly layers: readonly Layer[] }): number => widthAfter(layers, 0);

/** The number of values of a row's target. */
export const targets = (spec: Pick<Spec, 'layers' | 'loss'>): number => targetsOf(spec.loss, outputs(spec));

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
