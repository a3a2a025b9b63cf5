/** Flags → spec: the model's form, what the flags override, and what the data decide. */
import type { Targets } from '../data/types.ts';
import { SpecError } from '../errors.ts';
import { LOSSES, type LossInput } from '../spec/losses.ts';
import { OPTIMIZERS, type OptimizerInput, type OptimizerName, parseOptimizer } from '../spec/optimizers.ts';
import { show, unknownName } from '../spec/parse.ts';
import { columnsWidth, type Preprocessing } from '../spec/preprocessing.ts';
import { SCHEDULES, type Schedule } from '../spec/schedules.ts';
import { parseSpec, type SamplerName, type Spec, type SpecInput } from '../spec/spec.ts';
import { IMAGE_INPUTS, readBytes } from './data.ts';
import { readMetrics } from './metrics.ts';
import { named, parseJson } from './named.ts';
import { classWeights } from './weights.ts';

/** The part of the flags that says what to train. */
export interface SpecFlags {
  model?: string;
  loss?: string;
  optimizer?: string;
  schedule?: string;
  learningRate?: number;
  weightDecay?: number;
  momentum?: number;
  ema?: number;
  l1?: number;
  l2?: number;
  batchSize?: number | 'full';
  clipValue?: number;
  clipNorm?: number;
  globalClipNorm?: number;
  maxNorm?: number;
  accumulate?: number;
  metrics?: string;
  gradientNorms?: boolean;
  precision?: 'f32' | 'mixed';
  sampler?: SamplerName;
  seed?: number;
  nonFinite?: string;
  classWeight?: string;
  maskTargets?: boolean;
  epochs?: number;
  steps?: number;
}

/** What the data say about the model. */
export interface DataShape {
  task: 'classes' | 'regression';
  inputs: number;
  outputs: number;
  /** Rows to train on. */
  rows: number;
  /** Their targets. */
  labels?: Targets;
  preprocessing: Preprocessing;
}

export type PartialSpec = Partial<Record<keyof SpecInput, unknown>>;

const DEFAULT_EPOCHS = 10;
const DEFAULT_BATCH = 32;
/** Parts of the training after which a step schedule falls or a cosine starts anew, and the warm-up ends. */
const FALLS = 3;
const WARMUP_PART = 10;
/** Parts of the training at the ends of which a multi-step schedule falls. */
const MILESTONES = [0.5, 0.75];
/** What an exponential schedule ends at, relative to its start. */
const EXPONENTIAL_END = 0.01;

/** Flags that are keys of the spec. */
const TAKEN = [
  ...(['batchSize', 'clipValue', 'clipNorm', 'globalClipNorm'] as const),
  ...(['maxNorm', 'gradientNorms', 'maskTargets', 'precision', 'sampler', 'seed'] as const),
];

export type Model = { spec: PartialSpec };

/**
 * `--model`: widths and layers (`784-128-10`, `784-128-batchNorm-dropout:0.2-10`), inline JSON, or a JSON file.
 * @throws UsageError, SpecError
 */
export async function readModel(model: string): Promise<Model> {
  if (/^\d+(-(\d+|[a-zA-Z]+(:[\d.e-]+)?))+$/.test(model)) {
    const [inputs, ...words] = model.split(/(?<![\d.]e)-/);
    return { spec: { inputs: Number(inputs), layers: network(words) } };
  }
  const inline = model.trimStart().startsWith('{');
  const text = inline ? model : new TextDecoder().decode(await readBytes(model));
  const spec = parseJson(text, inline ? '--model' : model);
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) {
    throw new SpecError('spec/value', `--model: expected a spec { inputs, layers, … }, got ${show(spec)}.`);
  }
  return { spec };
}

/** The seed that the spec will have; one that is none is refused with the rest of the model. */
export const seedOf = (model: Model | undefined, flags: SpecFlags): number =>
  flags.seed ?? Number(model?.spec.seed ?? 0);

/** Whether rows may lack their targets. */
export const masksTargets = (model: Model | undefined, flags: SpecFlags): boolean =>
  flags.maskTargets ?? model?.spec.maskTargets === true;

/** The whole spec. `data` is absent where a plan is asked for without data. @throws SpecError, UsageError */
export function buildSpec(model: Model | undefined, flags: SpecFlags, data?: DataShape): Spec {
  const given: PartialSpec = { ...model?.spec };
  const shape = data && embeds(given.layers) ? byIndex(data) : data;
  given.inputs ??= shape?.inputs;
  if (!model && shape) {
    given.layers = network([...(shape.inputs >= IMAGE_INPUTS ? [128] : [16, 16]), shape.outputs].map(String));
  }
  if (shape) {
    given.preprocessing ??= shape.preprocessing;
    if (given.inputs !== shape.inputs) {
      const words = `--model: inputs: got ${show(given.inputs)}, but the data give ${shape.inputs}; set inputs to ${shape.inputs}.`;
      throw new SpecError('spec/inputs', words);
    }
  }
  for (const key of TAKEN) if (flags[key] !== undefined) given[key] = flags[key];
  if (flags.nonFinite !== undefined) given.nonFinite = named(flags.nonFinite, '--non-finite');
  if (flags.loss !== undefined) given.loss = checkedName(named(flags.loss, '--loss'), '--loss', 'loss', LOSSES);
  const { l1, l2 } = flags;
  if (l1 !== undefined || l2 !== undefined) given.weightRegularizer = { type: 'l1l2', l1: l1 ?? 0, l2: l2 ?? 0 };
  if (flags.classWeight !== undefined) {
    given.classWeight = classWeights(flags.classWeight, shape?.task === 'classes' ? shape.labels : undefined);
  }
  if (flags.metrics !== undefined) given.metrics = readMetrics(flags.metrics);
  if (flags.accumulate !== undefined) given.gradientAccumulationSteps = flags.accumulate;
  given.loss ??= defaultLoss(lastUnits(given.layers), shape?.task);
  given.optimizer = buildOptimizer(given.optimizer, flags, totalSteps(flags, given, shape?.rows));
  return parseSpec(given, '--model');
}

/** What the number behind a layer's name is. */
const OPTION: Record<string, string> = { dropout: 'rate', gaussianNoise: 'stddev' };

/** A width is a dense layer, behind all but the last with relu; norms that follow a width stand before its relu. */
function network(words: readonly string[]): Record<string, unknown>[] {
  const isWidth = (word: string) => /^\d+$/.test(word);
  const last = words.findLastIndex(isWidth);
  const layers: Record<string, unknown>[] = [];
  let waiting: Record<string, unknown> | undefined;
  const flush = () => {
    if (waiting) layers.push(waiting);
    waiting = undefined;
  };
  for (const [i, word] of words.entries()) {
    const [type = '', value] = word.split(':');
    if (!type.endsWith('Norm')) flush();
    if (isWidth(word)) {
      const normed = words[i + 1]?.endsWith('Norm') && i < last;
      layers.push({ type: 'dense', units: Number(word), activation: i < last && !normed ? 'relu' : 'linear' });
      if (normed) waiting = { type: 'activation', activation: 'relu' };
    } else layers.push({ type, ...(value !== undefined && { [OPTION[type] ?? 'value']: Number(value) }) });
  }
  flush();
  return layers;
}

type AnyLayer = { type?: unknown; units?: unknown; layers?: unknown } | null;

/** The width behind the last layer, as far as can be seen. */
function lastUnits(layers: unknown): unknown {
  if (!Array.isArray(layers)) return undefined;
  const widths = (layers as AnyLayer[]).map((layer) =>
    layer?.type === 'residual' ? lastUnits(layer.layers) : layer?.type === 'dense' ? layer.units : undefined,
  );
  return widths.findLast((width) => width !== undefined);
}

const embeds = (layers: unknown) => Array.isArray(layers) && (layers[0] as AnyLayer)?.type === 'embedding';

/** Columns of categories as one input each, for a layer that embeds them. */
function byIndex(shape: DataShape): DataShape {
  const columns = shape.preprocessing.columns?.map((column) =>
    column.type === 'category' ? { ...column, encoding: 'index' as const } : column,
  );
  if (!columns) return shape;
  return { ...shape, inputs: columnsWidth(columns), preprocessing: { ...shape.preprocessing, columns } };
}

/** Classes: softmax, or sigmoid for one output; numbers: squared error. */
function defaultLoss(units: unknown, task: DataShape['task'] | undefined): LossInput {
  if (task === 'regression' || (task === undefined && units === 1)) return 'meanSquaredError';
  return units === 1 ? 'sigmoidBinaryCrossEntropy' : 'softmaxCrossEntropy';
}

/** The number of updates that the flags ask for. */
export function totalSteps(
  flags: SpecFlags,
  { batchSize = DEFAULT_BATCH, gradientAccumulationSteps: parts = 1 }: PartialSpec,
  rows = 1,
): number {
  if (flags.steps !== undefined) return flags.steps;
  const size = Number(batchSize) * Number(parts);
  const perEpoch = size >= 1 ? Math.ceil(rows / size) : 1;
  return (flags.epochs ?? DEFAULT_EPOCHS) * perEpoch;
}

/** For the trainer: steps, or epochs, by default ten. */
export const trainingLength = ({ steps, epochs }: SpecFlags): { steps: number } | { epochs: number } =>
  steps !== undefined ? { steps } : { epochs: epochs ?? DEFAULT_EPOCHS };

function checkedName<T>(value: T, who: string, what: string, known: object): T {
  if (typeof value === 'string' && !Object.hasOwn(known, value))
    throw unknownName(who, what, value, Object.keys(known));
  return value;
}

function buildOptimizer(given: unknown, flags: SpecFlags, steps: number): OptimizerInput {
  const asked =
    flags.optimizer === undefined
      ? (given ?? 'adam')
      : checkedName(named(flags.optimizer, '--optimizer'), '--optimizer', 'optimizer', OPTIMIZERS);
  const options = typeof asked === 'string' ? { type: asked } : { ...(asked as { type?: unknown }) };
  for (const [option, flag] of [
    ['weightDecay', '--weight-decay'],
    ['momentum', '--momentum'],
  ] as const) {
    if (flags[option] === undefined) continue;
    checkOption(options.type, option, flag);
    Object.assign(options, { [option]: flags[option] });
  }
  if (flags.ema !== undefined) Object.assign(options, { emaMomentum: flags.ema });
  const optimizer = parseOptimizer(options, flags.optimizer === undefined ? '--model.optimizer' : '--optimizer');
  let rate: Schedule = optimizer.learningRate;
  if (flags.learningRate !== undefined) rate = withRate(rate, flags.learningRate);
  if (flags.schedule !== undefined) rate = buildSchedule(flags.schedule, rate, steps);
  return { ...optimizer, learningRate: rate } as OptimizerInput;
}

/** An optimizer takes a flag only if it has the option. */
function checkOption(type: unknown, option: string, flag: string): void {
  if (typeof type !== 'string' || !Object.hasOwn(OPTIMIZERS, type)) return; // the parser's words fit better
  if (option in OPTIMIZERS[type as OptimizerName]) return;
  const known = Object.entries(OPTIMIZERS).filter(([, options]) => option in options);
  throw new SpecError(
    'spec/unknown-key',
    `${flag}: the optimizer ${type} has no ${option}; leave it out, or use --optimizer ${known.map(([name]) => name).join(' or ')}.`,
  );
}

/** The schedule at another height. */
function withRate(schedule: Schedule, learningRate: number): Schedule {
  if (schedule.type === 'warmup') return { ...schedule, after: withRate(schedule.after, learningRate) };
  if (schedule.type === 'custom') return { type: 'constant', learningRate };
  if (schedule.type === 'sequence') throw severalRates('--learning-rate');
  return { ...schedule, learningRate };
}

/** The learning rate that a schedule starts from, without its warm-up. */
function peakOf(schedule: Schedule): number {
  if (schedule.type === 'warmup') return peakOf(schedule.after);
  if (schedule.type === 'custom') {
    throw new SpecError('spec/value', '--schedule: the learning rate is a function; add --learning-rate.');
  }
  if (schedule.type === 'sequence') throw severalRates('--schedule');
  return schedule.learningRate;
}

const severalRates = (flag: string) =>
  new SpecError(
    'spec/value',
    `${flag}: the model's learning rate is a sequence of schedules, each with its own; change them there.`,
  );

/** A schedule by name or as an object, which takes what it lacks from the optimizer and the length of the training. */
function buildSchedule(flag: string, base: Schedule, steps: number): Schedule {
  const value = named(flag, '--schedule');
  const given = typeof value === 'string' ? { type: value } : value;
  const learningRate = peakOf(base);
  const length = Math.max(1, steps);
  const third = Math.max(1, Math.floor(length / FALLS));
  const defaults: Record<string, Record<string, unknown>> = {
    constant: { learningRate },
    step: { learningRate, stepSize: third },
    multiStep: { learningRate, milestones: MILESTONES.map((part) => Math.ceil(part * length)) },
    exponential: { learningRate, gamma: EXPONENTIAL_END ** (1 / length) },
    polynomial: { learningRate, steps: length },
    inverseTime: { learningRate, decayRate: 1, decaySteps: third },
    cosine: { learningRate, steps: length },
    cosineRestarts: { learningRate, steps: third },
    oneCycle: { learningRate, steps: length },
    reduceOnPlateau: { learningRate },
    sequence: {},
    warmup: { steps: Math.max(1, Math.floor(length / WARMUP_PART)), after: { type: 'constant', learningRate } },
  };
  const type = String(given.type);
  if (!Object.hasOwn(defaults, type)) {
    const known = Object.keys(SCHEDULES).filter((name) => name !== 'custom');
    throw unknownName('--schedule', 'schedule', given.type, known);
  }
  return { ...defaults[type], ...given } as unknown as Schedule;
}
