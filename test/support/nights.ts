/** What must not grow over a long training and many short ones: for a process and a page, each with a GPU of its own. */
import { dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import type { Runtime } from '../../src/train/types.ts';
import { faultyDevice } from './faults.ts';

const x = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
const y = Uint8Array.from({ length: 20 }, (_, i) => (i >> 1) % 2);

/** As small as networks are: the whole training of a submit is one dispatch. */
const SPEC: SpecInput = {
  inputs: 2,
  layers: [dense(3, { activation: 'tanh' }), dense(2)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 1e-3 },
  batchSize: 8,
};
const RUNTIME: Runtime = { strategy: 'resident', tune: false };

/** Makes a trainer and trains it for ever; gives both. */
export async function endless(): Promise<{ trainer: Trainer; ended: Promise<unknown> }> {
  const trainer = await createTrainer(SPEC, RUNTIME);
  return { trainer, ended: trainer.fit({ x, y }, { epochs: 1e9 }) };
}

export interface Growth {
  /** Bytes of the JavaScript heap after a tenth of it and at the end, where the runtime tells. */
  readonly heap: [number, number];
  /** Buffers on the device at the same times. */
  readonly buffers: [number, number];
}

/** What a long training leaves behind, and what many short ones do. */
export async function growth(
  gpu: GPU,
  { steps, rounds }: { steps: number; rounds: number },
  heapUsed: () => number,
): Promise<{ training: Growth; lives: Growth }> {
  const { device, live } = faultyDevice(await (await gpu.requestAdapter())!.requestDevice());
  const runtime = { ...RUNTIME, device };
  const grows = async (times: number, work: () => Promise<void>): Promise<Growth> => {
    let early = [0, 0];
    for (let time = 0; time < times; time++) {
      await work();
      if (time === Math.floor(times / 10)) early = [heapUsed(), live()];
    }
    return { heap: [early[0]!, heapUsed()], buffers: [early[1]!, live()] };
  };
  const trainer = await createTrainer(SPEC, { ...runtime, snapshotEvery: 1 });
  const parts = 40;
  const training = await grows(parts, async () => {
    await trainer.fit({ x, y }, { steps: steps / parts });
  });
  if (trainer.finishedSteps !== steps) throw new Error(`${trainer.finishedSteps} steps, expected ${steps}`);
  await trainer.dispose();
  const lives = await grows(rounds, async () => {
    await using one = await createTrainer(SPEC, runtime);
    await one.fit({ x, y }, { steps: 3 });
    await one.evaluate({ x, y });
  });
  device.destroy();
  return { training, lives };
}
