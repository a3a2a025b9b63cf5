/** A page that trains while its GPU process crashes. */
import { createTrainer, DeviceLostError, dense, type RecoveryEvent, type Trainer } from '../../../src/index.ts';

const x = Float32Array.from({ length: 200 * 5 }, (_, i) => Math.sin(i * 12.9898) * 2);
const y = Uint8Array.from({ length: 200 }, (_, i) => i % 3);
const spec = {
  inputs: 5,
  layers: [dense(7, { activation: 'tanh' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.01 },
  batchSize: 16,
  seed: 4,
} as const;

export interface CrashPage {
  /** The losses of so many steps, and the bytes of the model. */
  calm(steps: number): Promise<{ losses: number[]; file: number[] }>;
  /** Begins to train, for as many steps as `calm` or until an error. */
  begin(steps: number): Promise<void>;
  /** Steps that were told. */
  step(): number;
  end(): Promise<{
    losses: number[];
    file: number[];
    recoveries: RecoveryEvent[];
    error?: string;
    checkpoint?: number;
  }>;
}

declare global {
  var crash: CrashPage;
}

let trainer: Trainer;
let running: Promise<unknown>;
const losses: number[] = [];
const recoveries: RecoveryEvent[] = [];
const pause = () => new Promise((resolve) => setTimeout(resolve, 2));

/** Step by step, with a breath between them: a crash finds a training under way. */
async function train(steps: number) {
  for await (const { loss, step } of trainer.steps({ x, y })) {
    losses.push(loss);
    await pause();
    if (step === steps) break;
  }
}

globalThis.crash = {
  async calm(steps) {
    const own = await createTrainer(spec, { strategy: 'plain' });
    const told: number[] = [];
    await own.fit({ x, y }, { steps, onStep: ({ loss }) => told.push(loss) });
    const file = [...(await own.save())];
    await own.dispose();
    return { losses: told, file };
  },
  async begin(steps) {
    const onRecovery = (event: RecoveryEvent) => recoveries.push(event);
    trainer = await createTrainer(spec, { strategy: 'plain', snapshotEvery: 200, onRecovery });
    running = train(steps).then(
      () => undefined,
      (error: unknown) => error,
    );
  },
  step: () => losses.length,
  async end() {
    const error = await running;
    if (error instanceof DeviceLostError) {
      return { losses, file: [], recoveries, error: error.message, checkpoint: error.checkpoint?.length ?? 0 };
    }
    if (error) throw error;
    return { losses, file: [...(await trainer.save())], recoveries };
  },
};
