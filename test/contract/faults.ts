/** Calls to WebGPU that fail, one at a time: an error of ours, nothing pending, no half of an update, nothing left behind. */
import { DownhillError } from '../../src/errors.ts';
import { programBytes } from '../../src/run/memory.ts';
import { createTrainer } from '../../src/train/create.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';
import { FAULTS, type Fault, faultyDevice } from '../support/faults.ts';
import { within } from '../support/within.ts';
import { DATA, SPEC, X } from './small.ts';

const STEPS = 24;

/** The calls of each kind that fail in turn: the first ones, and some in the middle of a training; of buffers, all. */
const PLACES: Record<Fault, Iterable<number>> = {
  createBuffer: Array(100).keys(),
  createComputePipelineAsync: [0, 3],
  mapAsync: [0, 2, 4, 7, 9],
  getMappedRange: [0, 2, 4, 7, 9],
  submit: [0, 1, 4, 6, 8],
  writeBuffer: [0, 3, 9, 10, 12, 15],
  popErrorScope: [0, 2, 5, 8, 10],
};

/** Where a run stood after its `fit`, and after the single step behind it. */
interface Way {
  fitted: number;
  stepped: number;
}

/** Some calls, however many of them fail. */
async function train(trainer: Trainer, errors: unknown[], steps = 10): Promise<Way> {
  const attempt = (work: Promise<unknown>) => work.catch((error: unknown) => void errors.push(error));
  await attempt(trainer.fit(DATA, { steps }));
  const fitted = trainer.finishedSteps;
  await attempt(trainer.predict(X));
  await attempt(trainer.step({ x: X.subarray(0, 20), y: DATA.y.slice(0, 4) }));
  return { fitted, stepped: trainer.finishedSteps };
}

async function faults(context: ContractContext): Promise<void> {
  const make = async () => faultyDevice((await (await context.gpu!.requestAdapter())!.requestDevice()) as GPUDevice);
  let faulty = await make();
  const open = () =>
    createTrainer(SPEC, { device: faulty.device, strategy: 'plain', stepsPerSubmit: 2, snapshotEvery: 1e9 });
  const finish = async (trainer: Trainer) => {
    await trainer.fit(DATA, { steps: STEPS - trainer.finishedSteps });
    return trainer.save();
  };
  const calm = new Map<string, Uint8Array>();
  /** The file of a run that went the same way, and to which nothing happened. */
  const expected = async ({ fitted, stepped }: Way) => {
    const key = `${fitted} ${stepped}`;
    if (!calm.has(key)) {
      const trainer = await open();
      if (fitted > 0) await trainer.fit(DATA, { steps: fitted });
      if (stepped > fitted) await trainer.step({ x: X.subarray(0, 20), y: DATA.y.slice(0, 4) });
      calm.set(key, await finish(trainer));
      await trainer.dispose();
    }
    return calm.get(key)!;
  };
  let injected = 0;
  let survived = 0;
  /** Buffers that a run makes in all. */
  let buffers: number | undefined;
  for (const kind of FAULTS) {
    for (const place of PLACES[kind]) {
      const who = `${kind} ${place}`;
      if (kind === 'createComputePipelineAsync') {
        faulty.device.destroy();
        faulty = await make();
      }
      faulty.fail(kind, place);
      const errors: unknown[] = [];
      const made = open().catch((error: unknown) => void errors.push(error));
      const trainer = await within(made, 30_000, `${who}: making it`);
      const way = trainer && (await within(train(trainer, errors), 30_000, `${who}: training`));
      const failed = faulty.heal();
      injected += failed;
      for (const error of errors) {
        if (!(error instanceof DownhillError)) throw new Error(`${who}: got ${error}, expected an error of ours`);
      }
      if (kind === 'createBuffer') {
        if (failed === 0) buffers = place;
        else checkMemory(who, errors);
        if (trainer && !(await usable(trainer))) throw new Error(`${who}: the trainer cannot be used any more`);
      }
      if (trainer && way && (await usable(trainer))) {
        survived++;
        if (!same(await finish(trainer), await expected(way))) {
          throw new Error(`${who}: other bits than a run to which nothing happened (${errors.join('; ')})`);
        }
      }
      await trainer?.dispose();
      if (faulty.live() > 0)
        throw new Error(`${who}: ${faulty.live()} buffers were left behind (${errors.join('; ')})`);
      if (faulty.refused()) {
        faulty.device.destroy();
        faulty = await make();
      }
      if (buffers === place) break;
    }
  }
  faulty.device.destroy();
  context.log(`${injected} calls failed, ${survived} trainers went on; ${buffers} buffers of a run`);
  if (!buffers || buffers < 15) throw new Error(`got ${buffers} buffers of a run, expected 15 or more`);
  if (injected < 20 || survived < 10) throw new Error(`only ${injected} calls failed, ${survived} trainers went on`);
}

/** One call said what needs how much, and what to change. */
function checkMemory(who: string, errors: readonly unknown[]): void {
  const words =
    /: needs [1-9][\d,]* bytes \(.+\) beside [\d,]+ in use, and the GPU is out of memory \(.*\); use .+, or close/;
  const codes = errors.map((error) => (error as DownhillError).code);
  if (codes.join() !== 'device/out-of-memory' || !words.test(String(errors[0]))) {
    throw new Error(`${who}: got "${errors.join('; ')}" (${codes}), expected one error that there is no memory`);
  }
}

async function usable(trainer: Trainer): Promise<boolean> {
  return trainer.save().then(
    () => true,
    (error: unknown) => {
      if (error instanceof DownhillError) return false;
      throw error;
    },
  );
}

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** 200 rounds of making, training and disposing leave nothing on the device; 2,000 steps leave as much as 20. */
async function leaks(context: ContractContext): Promise<void> {
  const faulty = faultyDevice((await (await context.gpu!.requestAdapter())!.requestDevice()) as GPUDevice);
  const runtime = { device: faulty.device, strategy: 'plain' } as const;
  for (let round = 0; round < 200; round++) {
    const trainer = await createTrainer(SPEC, runtime);
    await trainer.fit(DATA, { steps: 2 });
    if (round % 20 === 0) await trainer.evaluate(DATA);
    if (round % 20 === 1) await trainer.predict(X);
    await trainer.dispose();
    const { deviceBytes } = trainer.memory();
    if (faulty.live() > 0 || deviceBytes > 0)
      throw new Error(`round ${round}: ${faulty.live()} buffers, ${deviceBytes} bytes`);
  }
  const trainer = await createTrainer(SPEC, { ...runtime, snapshotEvery: 1 });
  const planned = programBytes(trainer.program);
  for (const [role, bytes] of Object.entries(trainer.memory().device)) {
    if (planned[role as keyof typeof planned] !== bytes)
      throw new Error(`${role}: ${bytes} bytes, the plan says otherwise`);
  }
  const seen: string[] = [];
  for (let i = 0; i < 4; i++) {
    await trainer.fit(DATA, { steps: i === 0 ? 200 : 600 });
    await trainer.predict(X);
    const { device } = trainer.memory();
    // As many buffers bring metrics back as were ever on their way at once.
    seen.push(JSON.stringify({ ...device, staging: 0 }), `${device.staging! < 2 ** 21}`);
  }
  if (new Set(seen).size !== 2) throw new Error(`memory grew: ${seen}`);
  await trainer.dispose();
  faulty.device.destroy();
}

const runtimes = ['chromium', 'dawn', 'deno'] as const;
export const faultCases: ContractCase[] = [
  { group: 'faults', name: 'any call of WebGPU may fail', runtimes, slow: true, run: faults },
  { group: 'faults', name: 'nothing is left behind, and nothing grows', runtimes, slow: true, run: leaks },
];
