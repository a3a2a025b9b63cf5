/** What runs a program: the interface that the GPU and the CPU both have. */
import type { InputRows, Rows } from '../data/types.ts';
import type { Slab } from '../kernels/kernel.ts';
import type { Choices, ListName, Program } from '../plan/program.ts';
import type { Feed } from './feed.ts';
import type { TuneOptions } from './tuning.ts';

/** Rows that are only predicted have no targets. */
export type ExecutorRows = InputRows & Partial<Pick<Rows, 'y' | 'weights'>>;

/** A data set where the executor can reach it. */
export interface LoadedData {
  /** The most rows it can hold. */
  readonly capacity: number;
  /** Puts other rows of the same kind, at most as many, in the place of the first ones: one upload. */
  write(rows: ExecutorRows): void;
  /** Makes everything that runs of the list need; a second call is free. */
  ready(list: ListName): Promise<void>;
  dispose(): void;
}

/** What the work runs on, in the words of the driver. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** Whether it is emulated on the CPU. */
  readonly software: boolean;
  /** Invocations of a subgroup, where that is one number and shaders may use subgroups; else 0. */
  readonly subgroups: number;
  /** Whether shaders may use halves: `shader-f16`. */
  readonly halves: boolean;
}

/** The slabs that a run's past is in: all others are made anew by every step. */
export const LEARNED = ['params', 'state', 'statistics'] as const satisfies readonly Slab[];

/** Slabs as they were at one moment, all models, with padding; and the best weights, where some were kept aside. */
export type Captured = Readonly<Record<(typeof LEARNED)[number], Float32Array<ArrayBuffer>>> & {
  readonly best?: Float32Array<ArrayBuffer>;
};

/** What came back of some steps, slice by slice and step by step. */
export interface RunResult {
  /** Four sums a slice: loss, correct, |e|, e². */
  readonly sums: Float64Array;
  /** A code a slice: the first bad number of the step (`decode` of guard.ts), 0 where all were finite or nobody looked. */
  readonly flags: Uint32Array;
  /** Where the program has norms: two names a row of the update's table, and four sums of squares a row and slice. */
  readonly norms?: { readonly names: readonly (string | undefined)[]; readonly squares: Float64Array };
}

/**
 * What memory is for: a slab by its name, `tables` for what shaders look up, `staging` for what comes back, `best` for the
 * weights that early stopping keeps, `products` for what the CPU packs its factors in.
 */
export type MemoryRole = Slab | 'best' | 'products' | 'data' | 'feed' | 'metrics' | 'tables' | 'staging';
/** Bytes by role. */
export type MemoryBytes = Partial<Record<MemoryRole, number>>;

/** The best weights so far: a copy of weights, running statistics and moving averages that stays where the models are. */
export interface BestWeights {
  /** Whether something was kept. */
  readonly holds: boolean;
  /** Makes room for them, once. @throws DeviceError `device/memory-budget`, `device/out-of-memory` */
  reserve(): Promise<void>;
  /** Copies what was learned aside; there is room. */
  keep(): void;
  /** Copies it back, and forgets it. Does nothing where nothing was kept. */
  bring(): void;
  /** Takes what `Captured.best` had in its place. */
  put(values: Float32Array<ArrayBuffer>): Promise<void>;
  /** Gives the room back. */
  drop(): void;
}

export interface Executor {
  readonly backend: 'webgpu' | 'cpu';
  readonly adapter: AdapterDescription;
  /** Memory of a workgroup in bytes; 0 where there are no workgroups. */
  readonly workgroupBytes: number;
  /** Runs worth starting before the first came back; 1 where a call does the work itself, so that a page lives between. */
  readonly maxInFlight: number;
  /**
   * The fastest variants of the training steps, by name, measured on buffers of their own; absent where steps have no
   * variants. What was prepared before is gone.
   */
  tune?(program: Program, options: TuneOptions): Promise<Choices>;
  /** Makes buffers for the program, all zero. What was there before is gone. */
  prepare(program: Program): Promise<void>;
  /** Takes a copy of the rows. */
  load(rows: ExecutorRows): Promise<LoadedData>;
  /** Sets a tensor of a model (0) from row-major values [rows, columns] without padding. */
  write(name: string, values: Float32Array, model?: number): Promise<void>;
  /**
   * Runs the first `steps` steps of the feed, in order with all other calls, and resolves when their metrics came back.
   * The feed may be filled again as soon as the call returns its promise.
   */
  run(list: ListName, feed: Feed, steps: number, data: LoadedData): Promise<RunResult>;
  /** Forgets the bad numbers of all models: what they ended goes on. */
  clearFlags(): Promise<void>;
  /** The values of a tensor of a model (0), row-major without padding, as all calls before have left them. */
  read(name: string, model?: number): Promise<Float32Array<ArrayBuffer>>;
  /** A copy of what was learned, as all calls before have left it; a training may go on meanwhile. */
  capture(): Promise<Captured>;
  /** Weights that are kept aside; what was prepared before is gone. */
  readonly best: BestWeights;
  /** Bytes in use, by what they are for. */
  memory(): MemoryBytes;
  /** The most bytes that it may use; absent where nothing is counted against it. */
  readonly memoryBudget?: number;
  /** Puts back what was captured from a program of the same shape. */
  restore(captured: Captured): Promise<void>;
  dispose(): Promise<void>;
}
