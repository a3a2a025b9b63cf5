/** What the benchmark measures: an engine opens a problem and trains it, step after step. */
import type { Problem } from './problem.ts';
import type { Workload } from './workload.ts';

export interface Engine {
  /** As rows and filters name it: `jax-webgpu`. */
  readonly name: string;
  /** What and which version: `@jax-js/jax 0.1.25`. */
  readonly version: string;
  readonly device: 'webgpu' | 'cpu';
  /** Ways to do the same work, each a row of its own. */
  readonly strategies: readonly string[];
  /** Whether the strategies are only ways to write it, of which the faster one is taken. */
  readonly fasterOnly?: boolean;
  /** Why it does not do this workload in this way, where it does not. */
  refuses?(workload: Workload, strategy: string): string | undefined;
  open(problem: Problem, strategy: string): Promise<Session>;
  /** Runs on a GPU alone: products of two matrices of n × n. */
  openMatmul?(n: number): Promise<Session>;
}

/** A model in training. Step s trains on mini-batch s modulo the resident ones, from 0. */
export interface Session {
  /** What its plan says, where it has one. */
  readonly plan?: { readonly bytesPerStep: number; readonly flopsPerStep: number };
  /** Steps that go to the device at once: runs of a multiple of them end no submit early. Default 1. */
  readonly grain?: number;
  /** What a reader of the row must know. */
  readonly note?: string;
  /** The next `steps` updates; resolves when the device has done them. */
  run(steps: number): Promise<void>;
  /** The next `steps` updates; their losses, each before its update: of several models the mean. */
  losses(steps: number): Promise<number[]>;
  /** The network's outputs of rows, row-major, for the time to an accuracy. */
  outputs?(x: Float32Array, rows: number): Promise<Float32Array>;
  dispose(): Promise<void>;
}
