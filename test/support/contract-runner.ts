/** Runs contract cases in any runtime: plain functions with a time limit, failed also by what only the GPU noticed. */

export type RuntimeName = 'cpu' | 'chromium' | 'dawn' | 'deno';

export interface ContractContext {
  readonly runtime: RuntimeName;
  /** Absent on the CPU. */
  readonly gpu?: GPU;
  /** Shown below the case's name, failed or not. */
  log(line: string): void;
  /** How far the runtime is from PyTorch; the largest of all calls stands in docs/parity.md. */
  measured(deviation: number): void;
}

/** Passes by returning, fails by throwing. Names are unique within a group. */
export interface ContractCase {
  readonly name: string;
  readonly group: string;
  readonly slow?: boolean;
  /** The runtimes it is meant for; all of them by default. */
  readonly runtimes?: readonly RuntimeName[];
  run(context: ContractContext): Promise<void>;
}

export interface CaseResult {
  readonly passed: boolean;
  readonly milliseconds: number;
  readonly log: readonly string[];
  /** The largest that was measured, where something was. */
  readonly deviation?: number;
  /** Why it failed. */
  readonly error?: string;
  /** The time limit ended it: what it started may still run, so the runtime should be started anew. */
  readonly timedOut?: boolean;
}

/** Time limits in milliseconds: what is far from both is far from right. */
export const LIMIT = { quick: 120_000, slow: 240_000 };

/** How a case is called in reports and asked for by name. */
export function caseId({ group, name }: Pick<ContractCase, 'group' | 'name'>): string {
  return `${group}: ${name}`;
}

/** The cases of one runtime. Throws where two have the same name. */
export function casesFor(runtime: RuntimeName, cases: readonly ContractCase[]): ContractCase[] {
  const chosen = cases.filter(({ runtimes }) => runtimes === undefined || runtimes.includes(runtime));
  const ids = chosen.map(caseId);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw new Error(`contract cases: "${twice}" exists twice; give one another name`);
  return chosen;
}

/** Collects the errors that no error scope of the program caught, from every device that comes out of `gpu`. */
export class ErrorWatch {
  readonly #devices = new Set<GPUDevice>();
  readonly #errors: string[] = [];

  constructor(gpu: GPU) {
    const requestAdapter = gpu.requestAdapter.bind(gpu);
    gpu.requestAdapter = async (options) => {
      const adapter = await requestAdapter(options);
      if (adapter) this.#watchAdapter(adapter);
      return adapter;
    };
  }

  #watchAdapter(adapter: GPUAdapter): void {
    const requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => {
      const device = await requestDevice(descriptor);
      const hear = (event: GPUUncapturedErrorEvent) => {
        event.preventDefault(); // it is reported here; the runtime need not print it as well
        this.#errors.push(event.error.message);
      };
      this.#devices.add(device);
      device.addEventListener('uncapturederror', hear);
      // Dawn in Node keeps a device with its threads and memory for as long as somebody listens to it.
      void device.lost.then(() => {
        device.removeEventListener('uncapturederror', hear);
        this.#devices.delete(device);
      });
      return device;
    };
  }

  /** Waits until the devices have said all they have to say, and takes what they said since the last call. */
  async take(): Promise<string[]> {
    await Promise.all([...this.#devices].map((device) => Promise.race([settled(device), pause(2000)])));
    return this.#errors.splice(0);
  }
}

/** Resolves when the device has worked through what was asked of it before; errors travel in the same order. */
async function settled(device: GPUDevice): Promise<void> {
  device.pushErrorScope('validation');
  await device.popErrorScope().catch(() => null); // a lost device rejects, and has nothing more to say
  await pause(0);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

function words(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = `${error.name}: ${error.message}`;
  const stack = error.stack?.includes(error.message) ? error.stack : `${own}\n${error.stack ?? ''}`;
  return error.cause === undefined ? stack : `${stack}\ncaused by ${words(error.cause)}`;
}

/** Runs one case. Never rejects. */
export async function runCase(
  contractCase: ContractCase,
  where: { runtime: RuntimeName; gpu?: GPU; watch?: ErrorWatch; limit?: number },
): Promise<CaseResult> {
  const log: string[] = [];
  let deviation: number | undefined;
  const limit = where.limit ?? (contractCase.slow ? LIMIT.slow : LIMIT.quick);
  const context: ContractContext = {
    runtime: where.runtime,
    ...(where.gpu ? { gpu: where.gpu } : {}),
    log: (line) => void log.push(line),
    measured: (next) => {
      if (!Number.isFinite(next)) throw new Error(`measured ${next}, expected a finite deviation`);
      deviation = Math.max(deviation ?? 0, next);
    },
  };
  const problems: string[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let timedOut = false;
  const late = new Promise<void>((done) => {
    timer = setTimeout(() => {
      timedOut = true;
      problems.push(`not done within ${limit / 1000} s`);
      done();
    }, limit);
  });
  const start = performance.now();
  const work = (async () => contractCase.run(context))().catch((error) => void problems.push(words(error)));
  await Promise.race([work, late]);
  clearTimeout(timer);
  const milliseconds = performance.now() - start;
  for (const error of (await where.watch?.take()) ?? []) problems.push(`uncaptured GPU error: ${error}`);
  const passed = problems.length === 0;
  return {
    passed,
    milliseconds,
    log,
    ...(deviation === undefined ? {} : { deviation }),
    ...(passed ? {} : { error: problems.join('\n') }),
    ...(timedOut ? { timedOut } : {}),
  };
}

/** The adapter in words, as reports name it. */
export async function describeAdapter(gpu: GPU): Promise<string> {
  const adapter = await gpu.requestAdapter();
  if (!adapter) return 'no adapter';
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const name = [vendor, architecture, description].filter((word) => word && !/^[0-9]+$/.test(word)).join(' ');
  return `${name || 'an adapter without a name'}${isFallbackAdapter ? ' (software)' : ''}`;
}
