/** Devices that can be lost, played on the CPU, and runs on them. */
import { vi } from 'vitest';
import { DeviceLostError } from '../../src/errors.ts';
import { plan } from '../../src/plan/plan.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { Engine } from '../../src/train/engine.ts';
import type { RecoveryEvent } from '../../src/train/recovery.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { randomRows } from '../contract/data.ts';

export const SPEC: SpecInput = {
  inputs: 5,
  layers: [dense(9, { activation: 'tanh' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.02 },
  batchSize: 16,
  seed: 4,
};
export const rows = randomRows({ count: 107, width: 5, outputs: 3, input: 'f32', target: 'class' });
export const DATA = { x: rows.x, y: rows.y };
/** Four rows for a step. */
export const batch = (n: number) => ({ x: rows.x.slice(n * 5, n * 5 + 20), y: rows.y.slice(n, n + 4) });

/** A device that can be lost: what is under way then never comes back. */
export class Losable extends CpuExecutor {
  override readonly maxInFlight = 3;
  #lost: DeviceLostError | undefined;
  onRun: (list: string) => void = () => {};
  readonly #data = new WeakSet<object>();

  lose(): DeviceLostError {
    this.#lost ??= new DeviceLostError('device/lost', 'GPU: the device was lost (unknown: for this test)');
    return this.#lost;
  }

  async #bytes<T>(work: Promise<T>): Promise<T> {
    if (this.#lost) throw this.#lost;
    const value = await work;
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#lost) throw this.#lost;
    return value;
  }

  override run(...all: Parameters<CpuExecutor['run']>) {
    if (this.#lost) throw this.#lost;
    if (!this.#data.has(all[3])) throw new Error('run: got data of another device');
    this.onRun(all[0]);
    return this.#bytes(super.run(...all));
  }

  override read(...all: Parameters<CpuExecutor['read']>) {
    return this.#bytes(super.read(...all));
  }

  override capture() {
    return this.#bytes(super.capture());
  }

  override async load(...all: Parameters<CpuExecutor['load']>) {
    const loaded = await this.#bytes(super.load(...all));
    this.#data.add(loaded);
    return loaded;
  }

  override write(...all: Parameters<CpuExecutor['write']>) {
    return this.#bytes(super.write(...all));
  }
}

export interface LosableOptions {
  spec?: Partial<SpecInput>;
  snapshotEvery?: number;
  models?: number;
  /** Makes the next device; default: at once. */
  revive?: false | (() => Promise<Losable>);
}

/** An engine, and a trainer with it, whose device can be lost. */
export async function start({ spec, snapshotEvery = 1e9, models = 1, revive }: LosableOptions = {}) {
  const parsed = parseSpec({ ...SPEC, ...spec } as SpecInput);
  const members = Array.from({ length: models }, (_, n) => ({ spec: { ...parsed, seed: 4 + n } }));
  const devices = [new Losable()];
  const events: RecoveryEvent[] = [];
  const make = async () => {
    const device = revive ? await revive() : new Losable();
    devices.push(device);
    return device;
  };
  const engine = new Engine(plan(parsed, { models }), devices[0]!, {
    ...{ members, stepsPerSubmit: 3, snapshotEvery, onRecovery: (event) => events.push(event) },
    ...(revive !== false && { revive: make }),
  });
  await engine.start();
  return { engine, trainer: new Trainer(engine, 'for this test'), devices, events, lose: () => devices.at(-1)!.lose() };
}

/** What an undisturbed run tells and leaves. */
export async function undisturbed(
  work: (trainer: Trainer) => Promise<unknown>,
  options: LosableOptions = {},
): Promise<Uint8Array> {
  const { trainer } = await start(options);
  await work(trainer);
  return trainer.save();
}

/** What `work` gives, where timers are not waited for. */
export async function soon<T>(work: Promise<T>): Promise<T> {
  let done = false;
  void work.finally(() => (done = true)).catch(() => {});
  while (!done) {
    await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(50);
  }
  return work;
}
