/** Early stopping where the models are: the best weights are copied there, come back bit for bit, and cost nothing. */
import { requestDevice } from '../../src/run/webgpu/device.ts';
import { batchNorm, dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import type { EarlyStopping, EpochEvent, FitOptions, Runtime } from '../../src/train/types.ts';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';
import { reachable } from '../support/reachable.ts';
import { countingGpu } from './counting.ts';
import { classRows } from './data.ts';

const SPEC: SpecInput = {
  inputs: 5,
  layers: [dense(9, { activation: 'tanh' }), batchNorm(), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.05, emaMomentum: 0.9 },
  batchSize: 16,
  seed: 4,
};
/** Four mini-batches an epoch. */
const DATA = classRows(60, 5);
const OTHER = classRows(25, 5, 9);
const OPTIONS: FitOptions = { epochs: 12, validationData: OTHER, earlyStopping: { patience: 3 } };

const words = (value: unknown) =>
  JSON.stringify(value, (_, part) =>
    part instanceof Map ? [...part] : ArrayBuffer.isView(part) ? [...(part as Float32Array)] : part,
  );
/** All is asked for at once, since the training goes on. */
const modelOf = async (trainer: Trainer) =>
  words(await Promise.all([trainer.weights(), trainer.weights({ averaged: true })]));

/** A run that ends early, with the model behind each of its epochs; `after` hears of every epoch. */
async function run(runtime: Runtime, after: (event: EpochEvent, trainer: Trainer) => void = () => {}) {
  const trainer = await createTrainer(SPEC, { tune: false, strategy: 'plain', ...runtime });
  try {
    const models: Promise<string>[] = [];
    const onEpoch = (event: EpochEvent) => {
      models.push(modelOf(trainer));
      after(event, trainer);
    };
    const history = await trainer.fit(DATA, { ...OPTIONS, onEpoch });
    return {
      history,
      model: await modelOf(trainer),
      models: await Promise.all(models),
      file: words(await trainer.save()),
    };
  } finally {
    await trainer.dispose();
  }
}

async function comesBack({ gpu }: ContractContext): Promise<void> {
  const device = gpu && (await requestDevice(gpu)).device;
  const { history, model, models } = await run(device ? { device } : { backend: 'cpu' });
  device?.destroy();
  if (!history.stoppedEarly) throw new Error(`ran all ${history.epochs.length} epochs`);
  const losses = history.epochs.map(({ validation }) => validation!.loss);
  const best = losses.indexOf(Math.min(...losses));
  if (best !== history.best!.epoch) throw new Error(`kept epoch ${history.best!.epoch}, expected ${best} of ${losses}`);
  if (model !== models[best]) throw new Error(`the model is not that of epoch ${best}`);
  if (model === models.at(-1)) throw new Error('the model is that of the last epoch');
}

/** A copy is a submit, and nothing else: nothing is made after the second epoch, and nothing is read back. */
async function costs({ gpu }: ContractContext): Promise<void> {
  const count = async (earlyStopping?: EarlyStopping) => {
    const { gpu: counting, counts } = countingGpu(gpu!);
    const runtime = { gpu: counting, tune: false, strategy: 'plain', stepsPerSubmit: 2, snapshotEvery: 1e9 } as const;
    const trainer = await createTrainer(SPEC, runtime);
    try {
      const seen: { created: number; submits: number; maps: number; best: number }[] = [];
      const onEpoch = () => {
        const { best = 0, staging = 0, metrics } = trainer.memory().device;
        const { created, submits, maps } = counts;
        // Metrics come back through as many buffers as were ever in flight at once.
        seen.push({ created: created - staging / metrics!, submits, maps, best });
      };
      const { epochs } = await trainer.fit(DATA, { epochs: 8, onEpoch, ...(earlyStopping && { earlyStopping }) });
      const losses = epochs.map(({ loss }) => loss);
      const falls = losses.filter((loss, n) => n > 1 && loss < Math.min(...losses.slice(0, n))).length;
      if (trainer.memory().device.best !== undefined) throw new Error('the copy was not given back');
      const [{ created, submits, maps }, { best, ...last }] = [seen[1]!, seen.at(-1)!];
      return { created: last.created - created, submits: last.submits - submits, maps: last.maps - maps, best, falls };
    } finally {
      await trainer.dispose();
    }
  };
  const { submits, maps } = await count();
  const { best, falls, ...kept } = await count({ patience: 100 });
  const expected = { created: 0, submits: submits + falls, maps };
  if (falls === 0 || words(kept) !== words(expected))
    throw new Error(`got ${words(kept)}, expected ${words(expected)}`);
  if (!(best > 0)) throw new Error('the copy is not counted');
}

async function recovers({ gpu }: ContractContext): Promise<void> {
  const calm = await run({ gpu: gpu! });
  for (const snapshotEvery of [0, 1e9]) {
    const reach = reachable(gpu!);
    let recoveries = 0;
    const onRecovery = () => recoveries++;
    const rough = await run(
      { gpu: reach.gpu, snapshotEvery, onRecovery },
      ({ epoch }) => epoch % 3 === 1 && reach.lose(),
    );
    if (recoveries < 1) throw new Error('nothing was lost');
    if (rough.model !== calm.model || rough.file !== calm.file)
      throw new Error(`snapshots every ${snapshotEvery} ms: another model`);
    if (words(rough.history.epochs) !== words(calm.history.epochs)) throw new Error('other epochs');
  }
}

export const earlyCases: ContractCase[] = [
  { group: 'early stopping', name: 'the best weights, statistics and averages come back, bit for bit', run: comesBack },
  {
    group: 'early stopping',
    name: 'a copy is a submit: in steady state nothing is made and nothing is read back for it',
    runtimes: ['chromium', 'dawn', 'deno'],
    run: costs,
  },
  {
    group: 'early stopping',
    name: 'a run that loses its device ends with the same weights',
    runtimes: ['chromium', 'dawn', 'deno'],
    run: recovers,
  },
];
