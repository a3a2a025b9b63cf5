import { requestDevice } from '../../src/run/webgpu/device.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { loadTrainer } from '../../src/train/create.ts';
import { loadSweep } from '../../src/train/create-sweep.ts';
import type { FitOptions, Runtime } from '../../src/train/types.ts';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';
import { randomRows } from './data.ts';
import { CUT, create, type Ears, type Feature, inOneGo, RESUMED, ROWS, type Run, SPEC, STEPS } from './resumed.ts';
import { RESUMED_SWEEPS } from './resumed-sweeps.ts';

/** A whole run, and one that is cut, of which one half goes on in place and the other from the file. */
async function resumes({ name, begin = inOneGo, again = 0, ...feature }: Feature, runtime: Runtime): Promise<void> {
  const { x, y } = randomRows({ ...ROWS, ...feature.rows });
  const made = {
    spec: { ...SPEC, ...feature.spec },
    runtime: { ...runtime, ...feature.runtime },
    data: (feature.data ?? ((rows) => rows))({ x, y }),
    fit: feature.fit ?? {},
    models: feature.models,
  };
  const open: Run[] = [];
  const seen = () => {
    const events: object[] = [];
    const ears: Ears = { onStep: (event) => events.push(event), onEpoch: (event) => events.push(event) };
    return { events, ears };
  };
  try {
    const whole = seen();
    const straight = await create(made);
    open.push(straight);
    await straight.fit(made.data, { ...made.fit, steps: STEPS, ...whole.ears });

    const cut = seen();
    const half = await begin({ ...made, ears: cut.ears });
    open.push(half);
    const file = await half.save();
    const resumed = { events: [...cut.events], ears: seen().ears };
    await half.fit(made.data, { ...made.fit, steps: STEPS - CUT, ...cut.ears });

    const load = feature.models ? loadSweep : loadTrainer;
    const loaded: Run = await load(file, { ...runtime, ...feature.after });
    open.push(loaded);
    const ears: Ears = { onStep: (e) => resumed.events.push(e), onEpoch: (e) => resumed.events.push(e) };
    await loaded.fit(made.data, { ...made.fit, steps: STEPS - CUT, ...ears });

    const expected = await straight.save();
    for (const [who, { events }, run] of [
      ['a second run', cut, half],
      ['the run from the file', resumed, loaded],
    ] as const) {
      sameEvents(`${name}: ${who}`, events, whole.events);
      sameBytes(`${name}: ${who}`, await run.save(), expected);
    }
    const events = STEPS + Math.floor(STEPS / epochOf(made.spec, made.fit)) + again;
    if (whole.events.length !== events) throw new Error(`got ${whole.events.length} events, expected ${events}`);
  } finally {
    for (const run of open) await run.dispose();
  }
}

const epochOf = ({ batchSize, gradientAccumulationSteps = 1 }: SpecInput, { validationSplit = 0 }: FitOptions) => {
  const rows = Math.round(ROWS.count * (1 - validationSplit));
  return batchSize === 'full' ? 1 : Math.ceil(rows / (gradientAccumulationSteps * (batchSize as number)));
};

function sameEvents(who: string, got: readonly object[], expected: readonly object[]): void {
  const words = (events: readonly object[]) => events.map((event) => JSON.stringify(Object.entries(event).sort()));
  const [a, b] = [words(got), words(expected)];
  const at = b.findIndex((event, n) => event !== a[n]);
  if (at >= 0 || a.length !== b.length) throw new Error(`${who}: event ${at}: got ${a[at]}, expected ${b[at]}`);
}

function sameBytes(who: string, got: Uint8Array, expected: Uint8Array): void {
  const at = expected.findIndex((byte, n) => byte !== got[n]);
  if (at < 0 && got.length === expected.length) return;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(8, 600));
  throw new Error(`${who}: the files differ at byte ${at} of ${expected.length}\n${text(got)}\n${text(expected)}`);
}

async function onDevice({ gpu }: ContractContext, work: (runtime: Runtime) => Promise<void>): Promise<void> {
  if (!gpu) return work({ backend: 'cpu' });
  const { device } = await requestDevice(gpu);
  try {
    await work({ device });
  } finally {
    device.destroy();
  }
}

export const resumeCases: ContractCase[] = [...RESUMED, ...RESUMED_SWEEPS].flatMap((feature, n) =>
  (feature.strategies ?? [n % 2 === 0 ? 'plain' : 'layered']).map((strategy) => ({
    group: 'resume',
    name: `${feature.name}, ${strategy}`,
    runtimes: feature.runtimes ?? (['cpu', 'dawn'] as const),
    run: (context: ContractContext) =>
      onDevice(context, (runtime) => resumes(feature, { ...runtime, strategy, tune: false })),
  })),
);
