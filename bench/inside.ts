/** Where everything is measured: in one page, or one process, on one adapter. */
import { support } from 'downhill';
import type { Engine } from './engine.ts';
import { type DownhillOptions, downhill } from './engines/downhill.ts';
import { loop } from './engines/loop.ts';
import { learn } from './learn.ts';
import { type Host, measure, type Settings } from './measure.ts';
import type { Adapter, LearningRow, LeftOut, Row } from './results.ts';
import { measurePeak } from './roofline.ts';
import type { Workload } from './workload.ts';

export interface Start {
  /** Versions of Downhill and of the rivals' packages. */
  versions: Record<string, string>;
  /** Addresses of the rivals' modules; each has a function `engines`. */
  rivals: readonly string[];
  downhill: DownhillOptions;
}

export interface Measured {
  rows: Row[];
  learning: LearningRow[];
  leftOut: LeftOut[];
}

/** The engines of this page on its adapter. */
class Bench {
  readonly adapter: Adapter | undefined;
  readonly engines: readonly Engine[];
  readonly #host: Host;

  private constructor(adapter: Adapter | undefined, engines: readonly Engine[], host: Host) {
    this.adapter = adapter;
    this.engines = engines;
    this.#host = host;
  }

  static async open({ versions, rivals, downhill: options }: Start, host: Host): Promise<Bench> {
    const { webgpu, adapter, message } = await support(options.gpu);
    if (!webgpu) host.log(message);
    const software = adapter?.software ?? true;
    const own = downhill(versions.downhill!, { ...options, software }).filter(
      ({ device }) => webgpu || device === 'cpu',
    );
    const others: Engine[] = [];
    for (const url of rivals) {
      try {
        const module = (await import(url)) as { engines(versions: Record<string, string>): Promise<Engine[]> };
        others.push(...(await module.engines(versions)));
      } catch (error) {
        host.log(`${url} does not run here: ${error instanceof Error ? error.message : error}`);
      }
    }
    const described: Adapter | undefined = adapter && { ...adapter };
    if (described && !described.software) described.peak = await measurePeak(options.gpu ?? navigator.gpu);
    return new Bench(described, [...own, ...others, loop], host);
  }

  async run(workload: Workload, settings: Settings): Promise<Measured> {
    if (workload.kind === 'digits') {
      const { learning, leftOut } = await learn(workload, this.engines, settings, this.#host);
      return { rows: [], learning, leftOut };
    }
    const { rows, leftOut } = await measure(workload, this.engines, loop, settings, this.adapter, this.#host);
    return { rows, learning: [], leftOut };
  }
}

declare global {
  var benchMicros: Host['mainThreadMicros'];
  var benchLog: Host['log'];
  var bench: Door;
}

/** What the program that started a browser calls in its page. */
export interface Door {
  open(start: Start): Promise<{ adapter: Adapter | undefined; engines: string[] }>;
  run(workload: Workload, settings: Settings): Promise<Measured>;
}

/** A door to a bench that measures here. */
export function door(host: Host): Door {
  let bench: Bench | undefined;
  return {
    async open(start) {
      bench = await Bench.open(start, host);
      return { adapter: bench.adapter, engines: bench.engines.map(({ name, version }) => `${name} (${version})`) };
    },
    run: (workload, settings) => bench!.run(workload, settings),
  };
}

if ('document' in globalThis) {
  globalThis.bench = door({
    mainThreadMicros: () => globalThis.benchMicros(),
    log: (line) => globalThis.benchLog(line),
  });
}
