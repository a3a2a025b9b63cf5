/** What a run may be made of that goes on from its file: the rows of the table of exact resume. */
import { takeRows } from '../../src/data/rows.ts';
import { stream } from '../../src/data/stream/index.ts';
import type { DataInput } from '../../src/data/types.ts';
import { NonFiniteError } from '../../src/errors.ts';
import { STRATEGIES, type Strategy } from '../../src/plan/program.ts';
import {
  activation,
  batchNorm,
  dense,
  dropout,
  embedding,
  gaussianNoise,
  layerNorm,
  residual,
  rmsNorm,
} from '../../src/spec/layers.ts';
import {
  cosine,
  cosineRestarts,
  multiStepDecay,
  oneCycle,
  reduceOnPlateau,
  sequence,
  warmup,
} from '../../src/spec/schedules.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { type CheckpointStore, checkpoints } from '../../src/train/checkpoints.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { createSweep, type SweepModel } from '../../src/train/create-sweep.ts';
import type { SweepEpoch, SweepOptions, SweepStep } from '../../src/train/sweep-fit.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import type { Data, EpochEvent, FitOptions, Runtime, StepEvent, StreamData } from '../../src/train/types.ts';
import type { RuntimeName } from '../support/contract-runner.ts';
import { sharded } from '../support/shards.ts';
import type { DataShape } from './data.ts';

/** A trainer or a sweep. */
export interface Run {
  fit(data: Data | StreamData, options: object): Promise<unknown>;
  save(): Promise<Uint8Array>;
  dispose(): Promise<void>;
}
type Fit = FitOptions & Pick<SweepOptions, 'halving'>;

export interface Feature {
  readonly name: string;
  /** Models that train side by side, and go on together; default: one by itself. */
  readonly models?: readonly SweepModel[];
  /** What of the spec is different. */
  readonly spec?: Partial<SpecInput>;
  /** What of the rows is different. */
  readonly rows?: Partial<DataShape>;
  /** How the rows come; default: all at once. */
  readonly data?: (rows: DataInput) => Data | StreamData;
  readonly runtime?: Runtime;
  /** What is different of the runtime after the load. */
  readonly after?: Runtime;
  /** What `fit` is asked for beside. */
  readonly fit?: Fit;
  /** Trains the first steps; default: `fit` of a trainer, or of a sweep. */
  readonly begin?: (made: Made) => Promise<Run>;
  /** Events that are told again, since the run went back. */
  readonly again?: number;
  /** Default: one of those that compile fast, in turns; what a strategy changes is in the first row. */
  readonly strategies?: readonly Strategy[];
  /** Default: the CPU and Dawn. */
  readonly runtimes?: readonly RuntimeName[];
}

export interface Made {
  readonly fit: Fit;
  readonly models: readonly SweepModel[] | undefined;
  readonly spec: SpecInput;
  readonly runtime: Runtime;
  readonly data: Data | StreamData;
  /** Hears of every step and epoch. */
  readonly ears: Ears;
}
export interface Ears {
  onStep(event: StepEvent | SweepStep): void;
  onEpoch(event: EpochEvent | SweepEpoch): void;
}

/** Five mini-batches an epoch, the last one partial. */
export const ROWS: DataShape = { count: 37, width: 4, outputs: 3, input: 'f32', target: 'class' };
export const SPEC: SpecInput = {
  inputs: 4,
  layers: [dense(5, { activation: 'tanh' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: 'adam',
  batchSize: 8,
  seed: 4,
};
/** The cut lies inside the second epoch, the end inside the third. */
export const CUT = 7;
export const STEPS = 13;

export const DIVERGING = 30;
export const EVERYWHERE: readonly RuntimeName[] = ['cpu', 'dawn', 'chromium', 'deno'];
const falling = (step: number) => 0.1 / (1 + step);
export const momentum = { type: 'sgd', learningRate: 0.05, momentum: 0.9 } as const;
export const regression = (loss: SpecInput['loss'], outputs: number, target: DataShape['target'] = 'real') => ({
  spec: { loss, layers: [dense(5, { activation: 'tanh' }), dense(outputs)] },
  rows: { outputs, target },
});

export const RESUMED: readonly Feature[] = [
  {
    name: 'adam with amsgrad',
    spec: { optimizer: { type: 'adam', amsgrad: true, weightDecay: 0.01 } },
    strategies: STRATEGIES,
    runtimes: EVERYWHERE,
  },
  { name: 'sgd', spec: { optimizer: { type: 'sgd', learningRate: 0.05, weightDecay: 0.01 } } },
  { name: 'sgd with dampening', spec: { optimizer: { ...momentum, dampening: 0.1 } } },
  { name: 'sgd with nesterov', spec: { optimizer: { ...momentum, nesterov: true } } },
  { name: 'rmsprop', spec: { optimizer: { type: 'rmsprop', centered: true, momentum: 0.5 } } },
  { name: 'adagrad', spec: { optimizer: { type: 'adagrad', learningRateDecay: 0.1, initialAccumulator: 0.1 } } },
  { name: 'adadelta', spec: { optimizer: 'adadelta' } },
  { name: 'adamax', spec: { optimizer: 'adamax' } },
  { name: 'nadam', spec: { optimizer: { type: 'nadam', momentumDecay: 0.1 } }, strategies: ['resident'] },
  { name: 'radam', spec: { optimizer: { type: 'radam', learningRate: 0.01 } } },
  { name: 'lion', spec: { optimizer: 'lion' } },
  { name: 'adamW in the form of Keras', spec: { optimizer: { type: 'adamW', convention: 'keras' } } },
  {
    name: 'penalties, decay of all parameters, moving averages',
    spec: {
      optimizer: { type: 'adamW', decays: 'all', emaMomentum: 0.9 },
      weightRegularizer: { type: 'l1l2' },
      layers: [dense(5, { activation: 'tanh', biasRegularizer: 'l1' }), dense(3, { decays: 'none' })],
    },
  },
  {
    name: 'a max-norm constraint, moving averages',
    spec: { optimizer: { type: 'adam', learningRate: 0.05, emaMomentum: 0.9 }, maxNorm: 0.5 },
    strategies: ['resident', 'row-fused', 'layered'],
  },
  {
    name: 'warm-up into a cosine',
    spec: { optimizer: { type: 'adam', learningRate: warmup(9, cosine({ learningRate: 0.05, steps: 9 })) } },
  },
  {
    name: 'one cycle of rate and momentum',
    spec: { optimizer: { ...momentum, learningRate: oneCycle({ learningRate: 0.1, steps: 12 }) } },
  },
  {
    name: 'a sequence of schedules',
    spec: {
      optimizer: {
        type: 'adam',
        learningRate: sequence(
          [cosineRestarts({ learningRate: 0.05, steps: 3 }), multiStepDecay({ learningRate: 0.02, milestones: [2] })],
          [8],
        ),
      },
    },
  },
  {
    name: 'a schedule of the own',
    spec: { optimizer: { type: 'sgd', learningRate: falling } },
    after: { learningRate: falling },
  },
  {
    name: 'a rate that waits for a plateau',
    spec: {
      optimizer: {
        type: 'adam',
        learningRate: reduceOnPlateau({ learningRate: 0.2, factor: 0.5, patience: 0, threshold: 0.5 }),
      },
    },
    strategies: ['resident', 'plain'],
  },
  {
    name: 'early stopping with its best weights, which are of the first epoch',
    spec: {
      layers: [dense(5), batchNorm(), dense(3)],
      optimizer: { type: 'adam', learningRate: 0.05, emaMomentum: 0.9 },
    },
    fit: { earlyStopping: { patience: 9, mode: 'max' } },
    begin: fromCheckpoint,
    strategies: ['layered', 'plain'],
  },
  {
    name: 'rows held out, stratified, with weights and metrics',
    spec: { batchSize: 6, classWeight: [1, 3, 0.5], metrics: ['f1', 'auc', 'confusion'] },
    fit: { validationSplit: 0.2, stratified: true },
    strategies: ['resident', 'plain'],
  },
  {
    name: 'gradients clipped by value',
    spec: { clipValue: 0.02, optimizer: momentum },
    strategies: ['resident', 'row-fused'],
  },
  {
    name: 'gradients clipped by the norm of a tensor',
    spec: { clipNorm: 0.05, optimizer: momentum },
    strategies: ['layered', 'plain'],
  },
  { name: 'a clipped global norm', spec: { globalClipNorm: 0.1 }, strategies: ['layered', 'plain'] },
  {
    name: 'gradients summed over mini-batches, dropout, a clipped global norm',
    spec: {
      gradientAccumulationSteps: 4,
      batchSize: 2,
      globalClipNorm: 0.1,
      gradientNorms: true,
      layers: [dense(5), dropout(0.3), dense(3)],
    },
    strategies: ['layered', 'plain'],
  },
  // Its scale falls from the first step on: its counter and what it has come to are part of the file.
  {
    ...regression('meanSquaredError', 2),
    name: 'mixed precision, gradients summed and clipped',
    spec: {
      precision: 'mixed',
      loss: 'meanSquaredError',
      layers: [dense(6, { activation: 'gelu' }), residual([layerNorm(), dense(6)]), dropout(0.2), dense(2)],
      optimizer: { type: 'adam', emaMomentum: 0.9 },
      gradientAccumulationSteps: 2,
      batchSize: 4,
      globalClipNorm: 0.5,
    },
    data: ({ x, y }) => ({ x, y: Float32Array.from(y as Float32Array, (value) => 300 * value) }),
    strategies: ['layered'],
    runtimes: EVERYWHERE,
  },
  { name: 'rows drawn with replacement', spec: { sampler: 'uniform' } },
  { name: 'rows in file order', spec: { sampler: 'sequential' } },
  { name: 'batch size full', spec: { batchSize: 'full' } },
  {
    name: 'weights of rows and classes, classes that do not count',
    spec: { classWeight: [1, 3, 0.5], maskTargets: true },
    data: ({ x, y }) => ({
      x,
      y: Array.from(y as Uint32Array, (k, i) => (i % 9 === 4 ? -1 : k)),
      sampleWeight: Float32Array.from(y as Uint32Array, (_, i) => ((i * 5) % 11) / 4),
    }),
    strategies: ['resident', 'layered'],
  },
  { name: 'bytes as inputs', rows: { input: 'u8' } },
  { name: 'label smoothing', spec: { loss: { type: 'softmaxCrossEntropy', labelSmoothing: 0.1 } } },
  { name: 'a squared error', ...regression('meanSquaredError', 2) },
  { name: 'a binary cross-entropy', ...regression('sigmoidBinaryCrossEntropy', 2, 'binary') },
  {
    name: 'means and variances',
    ...regression('gaussianNegativeLogLikelihood', 2),
    rows: { outputs: 1, target: 'real' },
  },
  {
    name: 'layers without bias, an activation as a layer',
    spec: { layers: [dense(5, { bias: false }), activation('gelu'), dense(6), activation('elu'), dense(3)] },
  },
  {
    name: 'another number of steps per submit',
    runtime: { stepsPerSubmit: 3 },
    after: { stepsPerSubmit: 5 },
    strategies: ['resident', 'row-fused'],
  },
  { name: 'dropout and noise', spec: { layers: [gaussianNoise(0.1), dense(6), dropout(0.3), dense(3)] } },
  {
    name: 'dropout, noise and a norm inside a workgroup',
    spec: { layers: [gaussianNoise(0.1), dense(6), layerNorm(), dropout(0.3), dense(3)] },
    strategies: ['resident', 'row-fused'],
  },
  { name: 'batch norm', spec: { layers: [batchNorm(), dense(5), batchNorm({ momentum: 0.3 }), dense(3)] } },
  { name: 'norms of rows', spec: { layers: [dense(5), layerNorm(), activation('relu'), rmsNorm(), dense(3)] } },
  { name: 'residual blocks', spec: { layers: [dense(5), residual([dense(5)]), residual([dense(6)]), dense(3)] } },
  {
    name: 'an embedding',
    spec: { inputs: 1, layers: [embedding([{ column: 0, categories: 2, dimension: 3 }]), dense(3)] },
    rows: { width: 1, whole: true },
  },
  {
    name: 'draws and statistics of a model of a sweep',
    spec: { layers: [dense(5), batchNorm(), dropout(0.3), dense(3)] },
    begin: inSweep,
  },
  { name: 'a model of a sweep', begin: inSweep },
  {
    name: 'rows that stream, shuffled in windows',
    data: () => stream(sharded([20, 17], ROWS.width, 'idx').shards, { shuffleBuffer: 16 }),
    strategies: ['resident', 'plain'],
  },
  { name: 'mini-batches that the app makes', data: made },
  // The error grows a hundredfold with every step, until it is beyond f32 behind the cut: back to a step before the cut.
  {
    ...regression('meanSquaredError', 1),
    name: 'a rollback to before the cut',
    spec: {
      ...{ loss: 'meanSquaredError', layers: [dense(1)], optimizer: { type: 'sgd', learningRate: DIVERGING } },
      nonFinite: { type: 'rollback', factor: 1e-4, every: 6 },
    },
    strategies: ['plain', 'resident'],
    again: 6,
  },
  ...[[], [batchNorm()]].map(
    (norm): Feature => ({
      ...regression('meanSquaredError', 1),
      name: `a stop at a bad number${norm.length > 0 ? ', batch norm' : ''}`,
      spec: { loss: 'meanSquaredError', layers: [dense(5, { activation: 'tanh' }), ...norm, dense(1)] },
      begin: stopped,
      strategies: norm.length > 0 ? ['plain'] : ['resident', 'layered'],
    }),
  ),
  {
    ...regression('meanSquaredError', 1),
    name: 'steps that are skipped',
    spec: { loss: 'meanSquaredError', nonFinite: 'skip', layers: [dense(5, { activation: 'tanh' }), dense(1)] },
    data: poisoned,
  },
];

/** One row has a target whose square is beyond f32: a step of every epoch is left out. */
export function poisoned({ x, y }: DataInput): Data {
  return { x, y: Float32Array.from(y as Float32Array, (value, row) => (row === 9 ? 3e38 : value)) };
}

/** A run that a bad number stopped, at the step before; it goes on with rows that are mended. */
async function stopped({ spec, runtime, data, ears }: Made): Promise<Trainer> {
  const trainer = await createTrainer(spec, runtime);
  const error = await trainer.fit(poisoned(data as DataInput), { steps: CUT, ...ears }).catch((reason) => reason);
  const { finishedSteps } = trainer;
  if (!(error instanceof NonFiniteError) || finishedSteps === 0) throw new Error(`${finishedSteps} steps: ${error}`);
  await trainer.fit(data, { steps: CUT - finishedSteps, ...ears });
  return trainer;
}

/** The mini-batches of an epoch, another order in every epoch. */
function made({ x, y }: DataInput): StreamData {
  return {
    async *from(epoch, position) {
      for (let n = position; n * 8 < ROWS.count; n++) {
        const rows = Array.from(
          { length: Math.min(8, ROWS.count - n * 8) },
          (_, i) => (n * 8 + i + epoch) % ROWS.count,
        );
        yield takeRows({ x, y }, ROWS.count, Uint32Array.from(rows));
      }
    },
  };
}

/** The first of three models that train side by side, taken out in the middle of an epoch. */
async function inSweep({ spec, runtime, data, ears }: Made): Promise<Trainer> {
  const models = [{}, { seed: 5 }, { learningRate: 0.01 }];
  const sweep = await createSweep(spec, { models }, runtime);
  try {
    await sweep.fit(data as Data, {
      steps: CUT,
      onStep: ({ losses, step, epoch }) => ears.onStep({ step, epoch, loss: losses[0]!, learningRate: 1e-3 }),
      onEpoch: ({ losses, epoch, step }) => ears.onEpoch({ epoch, step, loss: losses[0]! }),
    });
    return await sweep.trainer(0);
  } finally {
    await sweep.dispose();
  }
}

export const create = ({ spec, runtime, models }: Pick<Made, 'spec' | 'runtime' | 'models'>): Promise<Run> =>
  models ? createSweep(spec, { models }, runtime) : createTrainer(spec, runtime);

export async function inOneGo({ data, ears, fit, ...made }: Made): Promise<Run> {
  const run = await create(made);
  await run.fit(data, { ...fit, steps: CUT, ...ears });
  return run;
}

/** The end of `fit` would be the end of early stopping: what goes on is a checkpoint of the middle. */
async function fromCheckpoint({ spec, runtime, data, ears, fit }: Made): Promise<Trainer> {
  const trainer = await createTrainer(spec, runtime);
  const files = new Map<string, Uint8Array>();
  const store: CheckpointStore = {
    write: async (name, bytes) => void files.set(name, bytes),
    read: async (name) => files.get(name)!,
    list: async () => [...files.keys()],
    remove: async () => {},
  };
  try {
    await trainer.fit(data, {
      ...{ ...fit, steps: STEPS, checkpoint: checkpoints(store, { every: CUT }) },
      onStep: (event) => event.step <= CUT && ears.onStep(event),
      onEpoch: (event) => event.step <= CUT && ears.onEpoch(event),
    });
    const [, bytes] = [...files].find(([name]) => name.endsWith(`-step-${CUT}.safetensors`))!;
    return await loadTrainer(bytes, runtime);
  } finally {
    await trainer.dispose();
  }
}
