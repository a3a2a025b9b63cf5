/** PyTorch's mini-batches, replayed by the kernels of a program: updates, and outputs behind them. */
import { encodeRows } from '../../src/data/encode.ts';
import type { DataInput, Rows } from '../../src/data/types.ts';
import { massOf } from '../../src/data/weights.ts';
import type { NamedTensor } from '../../src/io/tensors.ts';
import { updateNumbers } from '../../src/math/update.ts';
import { nameInProgram } from '../../src/plan/lower.ts';
import type { Program } from '../../src/plan/program.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import type { Executor, LoadedData, RunResult } from '../../src/run/executor.ts';
import { Feed, NO_SCALARS } from '../../src/run/feed.ts';
import { GUARD } from '../../src/run/guard.ts';
import { parametersOf } from '../../src/spec/network.ts';
import { partsOf, type Spec, type SpecInput } from '../../src/spec/spec.ts';
import { weigh } from '../../src/train/source.ts';

/** Tensors by PyTorch's names, in its layout. */
export type NamedValues = Record<string, number[] | number[][]>;

/** A run of a golden file. */
export interface Recorded {
  readonly spec: SpecInput;
  readonly x: number[][];
  /** `null` for what is missing. */
  readonly y: (number | null)[] | (number | null)[][];
  readonly sampleWeight?: number[];
  readonly start: NamedValues;
  /** The rows of every update. */
  readonly batches: number[][];
}

/** What some updates left. */
export interface Updated {
  readonly losses: readonly number[];
  readonly norms: RunResult['norms'];
  /** The place in the feed of the last mini-batch of each. */
  readonly ends: readonly number[];
}

/** Sets a tensor; the CPU executor also takes f64. */
export const writeTensor = (executor: Executor, name: string, values: ArrayLike<number>): Promise<void> =>
  executor.write(name, executor instanceof CpuExecutor ? (values as Float32Array) : Float32Array.from(values));

/** Reads a tensor; the CPU executor gives it as it computes with it. */
export const readTensor = async (executor: Executor, name: string): Promise<ArrayLike<number>> =>
  executor instanceof CpuExecutor ? executor.values(name) : executor.read(name);

/** PyTorch's tensors by their names in a program, in its layout: matrices turned to [in, out], the rest as it is. */
export function inProgram(spec: Spec, tensors: NamedValues, kind = 'param'): Map<string, number[]> {
  const kinds = new Map(parametersOf(spec).map((parameter) => [parameter.name, parameter.kind]));
  return new Map(
    Object.entries(tensors).map(([name, values]) => {
      if (kinds.get(name) !== 'matrix') return [nameInProgram(name, kind), values.flat()];
      const matrix = values as number[][];
      return [nameInProgram(name, kind), matrix[0]!.flatMap((_, column) => matrix.map((row) => row[column]!))];
    }),
  );
}

/** PyTorch's tensors as a trainer takes them. */
export const tensorsOf = (tensors: NamedValues): Map<string, NamedTensor> =>
  new Map(
    Object.entries(tensors).map(([name, values]) => {
      const [first] = values;
      const shape = Array.isArray(first) ? [values.length, first.length] : [values.length];
      return [name, { shape, values: Float32Array.from(values.flat()) }];
    }),
  );

/** A run on an executor, from PyTorch's start on. */
export class Replay {
  readonly #executor: Executor;
  readonly #program: Program;
  readonly #run: Recorded;
  readonly #rows: Rows;
  readonly #data: LoadedData;

  private constructor(executor: Executor, program: Program, run: Recorded, rows: Rows, data: LoadedData) {
    this.#executor = executor;
    this.#program = program;
    this.#run = run;
    this.#rows = rows;
    this.#data = data;
  }

  static async open(executor: Executor, program: Program, run: Recorded): Promise<Replay> {
    await executor.prepare(program);
    for (const [name, values] of inProgram(program.spec, run.start)) await writeTensor(executor, name, values);
    const { x, y, sampleWeight } = run;
    const given = { x, y: y as DataInput['y'], ...(sampleWeight && { sampleWeight }) };
    const rows = encodeRows(program.spec, given, 'golden');
    const data = await executor.load(rows);
    await data.ready('train');
    await data.ready('infer');
    return new Replay(executor, program, run, rows, data);
  }

  /** Makes all updates, so many to a run of the executor. */
  async *updates(together = 1): AsyncGenerator<Updated> {
    const { spec, lists } = this.#program;
    const { batch: size } = lists.train;
    const { batches } = this.#run;
    const mass = massOf(this.#rows, 'train');
    const feed = new Feed(size, { capacity: together * partsOf(spec) });
    for (let first = 0; first < batches.length; first += together) {
      const weights: number[] = [];
      const ends: number[] = [];
      let at = 0;
      for (const [k, batch] of batches.slice(first, first + together).entries()) {
        const { scalars } = updateNumbers(spec.optimizer, first + k);
        const weight = weigh(mass, Uint32Array.from(batch), batch.length);
        for (let row = 0; row < batch.length; row += size, at++) {
          const own = batch.slice(row, row + size);
          feed.indices(at).set(own);
          const of = [row, batch.length, weight] as const;
          feed.set(at, own.length, first + k, scalars, 0, 0, spec.seed, GUARD.off, ...of);
        }
        weights.push(weight);
        ends.push(at - 1);
      }
      const { sums, norms } = await this.#executor.run('train', feed, at, this.#data);
      const losses = weights.map((weight, n) => {
        let loss = 0;
        for (let k = n === 0 ? 0 : ends[n - 1]! + 1; k <= ends[n]!; k++) loss += sums[4 * k]!;
        return loss / weight;
      });
      yield { losses, norms, ends };
    }
  }

  /** The outputs of the first `count` rows, as predicted: what eval() gives. */
  async outputs(count: number): Promise<number[]> {
    const { batch: size, output } = this.#program.lists.infer;
    const feed = new Feed(size, { capacity: 1 });
    const values: number[] = [];
    for (let first = 0; first < count; first += size) {
      const own = Math.min(size, count - first);
      for (let row = 0; row < own; row++) feed.indices(0)[row] = first + row;
      feed.set(0, own, 0, NO_SCALARS);
      await this.#executor.run('infer', feed, 1, this.#data);
      const read = Array.from(await readTensor(this.#executor, output!));
      values.push(...read.slice(0, own * this.#program.outputs));
    }
    return values;
  }

  dispose(): void {
    this.#data.dispose();
  }
}
