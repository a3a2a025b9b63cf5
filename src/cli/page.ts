/** The page's half of the Chrome backend: fetches a job, runs it on the page's GPU, sends back what happens. */
import { describe } from '../run/webgpu/device.ts';
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
    const onStart = (started: Started) => {
      sent = ears.downhillStarted(started);
    };
    let answer: unknown;
    try {
      const job = unpack(new Uint8Array(await (await fetch('job')).arrayBuffer())) as Job;
      answer = { result: await runJob(job, {}, { onStep, onStart, signal: controller.signal }) };
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

export type PageDoor = typeof door;
Object.assign(globalThis, { downhill: door });
