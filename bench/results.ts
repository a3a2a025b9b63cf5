/** What a run of the benchmark leaves: one object, as `--json` writes it. */
import type { Spread } from './statistics.ts';

export interface Row {
  workload: string;
  /** `downhill-webgpu`, `jax-wasm`, … */
  engine: string;
  strategy: string;
  /** Of a step: one update of the model, of all models in a sweep, one product in `matmul`. */
  msPerStep: Spread;
  stepsPerSecond: number;
  /** CPU time of the main thread; null where it cannot be had. */
  jsMicrosPerStep: number | null;
  /** From the call that makes the model to the end of the first step, compiling included. */
  firstStepMs: number;
  /** Calls of WebGPU; null off the GPU. */
  dispatchesPerStep: number | null;
  submitsPerStep: number | null;
  buffersCreatedPerStep: number | null;
  bindGroupsPerStep: number | null;
  pipelinesPerStep: number | null;
  writesPerStep: number | null;
  mapsPerStep: number | null;
  /** By the engine's own plan, where it has one. */
  bytesPerStep: number | null;
  flopsPerStep: number | null;
  /** The time that a step takes at least on this adapter, of the time that it took; null on an emulated adapter. */
  rooflinePercent: number | null;
  repetitions: number;
  /** Steps of the shorter of the two runs that a slope is taken from. */
  stepsPerRun: number;
  /** The first losses, as far as they were compared. */
  losses: number[];
  /** Their largest relative distance from the reference. */
  disagreement: number;
  note?: string;
}

/** Learning the built-in digits: 784-128-10, batch 64, 8,000 rows to train on and 2,000 to test on. */
export interface LearningRow {
  engine: string;
  strategy: string;
  epochMs: number;
  /** Wall time from the call that makes the model to a test accuracy of 95 %; null where it was not reached. */
  msTo95: number | null;
  epochs: number;
  accuracy: number;
}

/** What was not measured, and why. */
export interface LeftOut {
  workload: string;
  engine: string;
  strategy: string;
  reason: string;
}

export interface Adapter {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  /** Whether it is emulated on the CPU: its times say nothing about a GPU. */
  software: boolean;
  /** What it was measured to do at most, where it is real. */
  peak?: Peak;
}

export interface Peak {
  flopsPerSecond: number;
  bytesPerSecond: number;
}

export interface Results {
  adapter: Adapter;
  browser: string;
  versions: Record<string, string>;
  date: string;
  quick: boolean;
  rows: Row[];
  learning: LearningRow[];
  leftOut: LeftOut[];
  /** Workload → engine → how many times longer its step takes than that of `downhill-webgpu`, each at its fastest. */
  ratios: Record<string, Record<string, number>>;
}

/** Whether the turns differ so much that the row says little: something else kept the machine busy. */
export const isNoisy = ({ msPerStep: { p10, p90 } }: Row): boolean => p10 <= 0 || p90 > 2 * p10;

/** The fastest row of each engine. */
export function fastest(rows: readonly Row[], workload: string): Map<string, Row> {
  const best = new Map<string, Row>();
  for (const row of rows) {
    if (row.workload !== workload) continue;
    const known = best.get(row.engine);
    if (!known || row.msPerStep.median < known.msPerStep.median) best.set(row.engine, row);
  }
  return best;
}

export function ratiosOf(rows: readonly Row[]): Results['ratios'] {
  const ratios: Results['ratios'] = {};
  for (const workload of new Set(rows.map((row) => row.workload))) {
    const best = fastest(rows, workload);
    const own = best.get('downhill-webgpu')?.msPerStep.median;
    if (own === undefined || own <= 0 || best.size < 2) continue;
    const others = [...best].filter(([engine]) => engine !== 'downhill-webgpu');
    ratios[workload] = Object.fromEntries(others.map(([engine, row]) => [engine, row.msPerStep.median / own]));
  }
  return ratios;
}
