/** Devices that are lost for real: what is under way ends or goes on, and a recovered run has the bits of a calm one. */
import { DeviceLostError } from '../../src/errors.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { dataset } from '../../src/train/dataset.ts';
import type { RecoveryEvent } from '../../src/train/recovery.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import type { Runtime, StepEvent } from '../../src/train/types.ts';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';
import { reachable } from '../support/reachable.ts';
import { within } from '../support/within.ts';
import { DATA, SPEC, X } from './small.ts';

/** So long a promise may be pending after a loss. */
const SETTLED_MS = 2000;

function same(who: string, got: unknown, expected: unknown): void {
  const words = (value: unknown) =>
    JSON.stringify(value, (_, part) => (ArrayBuffer.isView(part) ? [...(part as Uint8Array)] : part));
  if (words(got) !== words(expected)) throw new Error(`${who}: differs from the run that lost nothing`);
}

/** A training, an evaluation, predictions and steps; `lose` is called at many places, all of them while something runs. */
async function work(trainer: Trainer, lose: (place: number) => void): Promise<unknown[]> {
  const told: unknown[] = [];
  const data = dataset(DATA);
  const onStep = (event: StepEvent) => {
    told.push(event);
    if (event.step === 9) lose(0);
    if (event.step === 18) lose(1);
  };
  await trainer.fit(data, { epochs: 3, onStep });
  const reading = trainer.predict(X);
  lose(2);
  told.push(await reading);
  const evaluating = trainer.evaluate(data);
  lose(3);
  told.push(await evaluating);
  const stepping = trainer.step({ x: X.subarray(0, 20), y: DATA.y.slice(0, 4) });
  lose(4);
  told.push(await stepping);
  for await (const event of trainer.steps(DATA)) {
    told.push(event);
    lose(event.step);
    if (event.step >= 26) break;
  }
  const saving = trainer.save();
  lose(5);
  told.push(await saving);
  return told;
}

async function recovers({ gpu, log }: ContractContext): Promise<void> {
  const run = async (places: readonly number[], snapshotEvery: number) => {
    const reach = reachable(gpu!);
    const events: RecoveryEvent[] = [];
    const onRecovery = (event: RecoveryEvent) => events.push(event);
    const runtime: Runtime = { gpu: reach.gpu, strategy: 'plain', stepsPerSubmit: 2, snapshotEvery, onRecovery };
    const trainer = await createTrainer(SPEC, runtime);
    try {
      const told = await work(trainer, (place) => places.includes(place) && reach.lose());
      return { told, events };
    } finally {
      await trainer.dispose();
    }
  };
  const calm = await run([], 1e9);
  for (const [places, snapshotEvery] of [
    [[0, 1, 24], 1e9],
    [[1, 2, 25], 0],
    [[3, 4, 5], 1e9],
  ] as const) {
    const { told, events } = await run(places, snapshotEvery);
    same(`losses at ${places}`, told, calm.told);
    const times = events.map(({ milliseconds }) => `${Math.round(milliseconds)} ms`);
    log(`${events.length} recoveries, after ${times.join(', ')}`);
    // A loss after the last byte came back is seen by nobody.
    if (events.length < 2) throw new Error(`got ${events.length} recoveries of ${places.length} losses`);
  }
}

/** The app's device: every promise ends in time, the checkpoint and another device both go on to the same bits. */
async function ends({ gpu }: ContractContext): Promise<void> {
  const device = async () => (await gpu!.requestAdapter())!.requestDevice();
  const [one, two] = [await device(), await device()];
  const options = { strategy: 'plain', stepsPerSubmit: 2, snapshotEvery: 0 } as const;
  const calm = await createTrainer(SPEC, { ...options, device: two });
  await calm.fit(DATA, { steps: 40 });
  const expected = await calm.save();
  await calm.dispose();

  const trainer = await createTrainer(SPEC, { ...options, device: one });
  const data = dataset(DATA);
  let first: DeviceLostError | undefined;
  const fitting = trainer.fit(data, { epochs: 1e6, onStep: ({ step }) => step === 20 && one.destroy() });
  const lost = async (who: string, call: Promise<unknown>) => {
    const error = await within(
      call.then(
        () => 'it resolved',
        (error: unknown) => error,
      ),
      SETTLED_MS + 60_000 * Number(first === undefined),
      who,
    );
    if (!(error instanceof DeviceLostError)) throw new Error(`${who}: expected DeviceLostError, got ${error}`);
    first ??= error;
  };
  await lost('fit', fitting);
  await lost('predict', trainer.predict(X));
  await lost('evaluate', trainer.evaluate(data));
  await lost('save', trainer.save());
  await lost('weights', trainer.weights());
  await lost('fit again', trainer.fit(data));
  await lost('step', trainer.step({ x: X.subarray(0, 20), y: DATA.y.slice(0, 4) }));

  const loaded = await loadTrainer(first!.checkpoint!, { ...options, device: two });
  await loaded.fit(DATA, { steps: 40 - loaded.finishedSteps });
  same('the checkpoint', await loaded.save(), expected);
  await loaded.dispose();
  await trainer.attach(two);
  await trainer.fit(data, { steps: 40 - trainer.finishedSteps });
  same('the trainer on another device', await trainer.save(), expected);
  await trainer.dispose();
  two.destroy();
}

export const lostCases: ContractCase[] = [
  {
    group: 'lost',
    name: 'a run that loses its device goes on to the same bits, and tells every step once',
    runtimes: ['chromium', 'dawn', 'deno'],
    run: recovers,
  },
  {
    group: 'lost',
    name: "a lost device of the app's ends every promise, and another goes on",
    runtimes: ['chromium', 'dawn', 'deno'],
    run: ends,
  },
];
