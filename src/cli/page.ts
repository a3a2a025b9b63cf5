/** The page's half of the Chrome backend: fetches a job, runs it on the page's GPU, sends back what happens. */
import { urlBytes } from '../data/stream/bytes.ts';
import { describe } from '../run/webgpu/device.ts';
import type { CheckpointStore } from '../train/checkpoints.ts';
import type { EpochEvent } from '../train/types.ts';
import { toFailure } from './errors.ts';
import { type Job, runJob, type StepOf } from './job.ts';
import type { Started } from './start.ts';
import { pack, unpack } from './wire.ts';

/** Step events travel in batches of this age, in ms. */
const BATCH_MS = 100;

/** What Node puts into the page. */
interface Ears {
  downhillStarted(started: Started): Promise<void>;
  downhillSteps(events: StepOf[]): Promise<void>;
  downhillEpoch(event: EpochEvent): Promise<void>;
}

/** What Node calls. */
const door = {
  /** The adapter that the page gets, or nothing. */
  async adapter() {
    const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' });
    return adapter ? describe(adapter.info, adapter.features) : null;
  },

  /** Runs the job behind `job`, posts its result or its error to `result`. */
  async run(): Promise<void> {
    const ears = globalThis as unknown as Ears;
    let events: StepOf[] = [];
    let last = 0;
    let sent: Promise<unknown> = Promise.resolve();
    const send = () => {
      if (events.length > 0) sent = Promise.all([sent, ears.downhillSteps(events)]);
      events = [];
      last = performance.now();
    };
    const onStep = (event: StepOf) => {
      events.push(event);
      if (performance.now() - last > BATCH_MS) send();
    };
    const onEpoch = (event: EpochEvent) => {
      send();
      sent = Promise.all([sent, ears.downhillEpoch(event)]);
    };
    const onStart = (started: Started) => {
      sent = ears.downhillStarted(started);
    };
    let answer: unknown;
    try {
      const job = unpack(new Uint8Array(await (await fetch('job')).arrayBuffer())) as Job;
      const hooks = { onStep, onEpoch, onStart, signal: controller.signal, store, open };
      answer = { result: await runJob(job, {}, hooks) };
    } catch (error) {
      answer = { kind: error instanceof Error ? error.name : 'Error', failure: toFailure(error) };
    }
    send();
    await sent;
    await fetch('result', { method: 'POST', body: pack(answer) });
  },

  stop: () => controller.abort(),
};

const controller = new AbortController();

/** The store that Node has. */
const store: CheckpointStore = {
  write: async (name, bytes) => void (await ask('PUT', name, bytes as Uint8Array<ArrayBuffer>)),
  read: async (name) => new Uint8Array(await (await ask('GET', name)).arrayBuffer()),
  list: async () => (await ask('GET', '')).json(),
  remove: async (name) => void (await ask('DELETE', name)),
};

/** A file of the job, which Node reads in ranges. */
const open = (file: string, n: number) =>
  urlBytes(new URL(`files/${n}`, location.href), { name: file.split(/[\\/]/).pop()! });

async function ask(method: string, name: string, body?: BodyInit): Promise<Response> {
  const response = await fetch(`checkpoints/${name}`, { method, ...(body && { body }) });
  if (!response.ok) throw new Error(await response.text());
  return response;
}

export type PageDoor = typeof door;
Object.assign(globalThis, { downhill: door });
