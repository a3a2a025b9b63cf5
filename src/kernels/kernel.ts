/** What a kernel is: a contract between the plan, which places tensors, and the executors, which run steps on them. */

import type { Real } from '../math/losses.ts';
import type { Scalars } from '../math/optimizers.ts';
import type { Tiles } from '../math/product.ts';
import type { Activation } from '../spec/activations.ts';
import type { Clip } from '../spec/clip.ts';
import type { Layer } from '../spec/layers.ts';
import type { Loss } from '../spec/losses.ts';
import type { Optimizer } from '../spec/optimizers.ts';
import type { Rule } from '../spec/penalties.ts';
import type { KernelName, ShaderChoices } from './shaders.generated.ts';
import { type Product, type Variant, WORKGROUP } from './variants.ts';

export { type KernelName, WORKGROUP };

export type Role =
  | ('batch' | 'param' | 'grad' | 'state' | 'act' | 'delta' | 'metric' | 'statistic' | 'norm')
  | ('half' | 'scale');

/** The buffers that a program owns; the WGSL binds them under these names. */
export const SLABS = ['params', 'state', 'grads', 'acts', 'deltas', 'statistics', 'tallies'] as const;
export type Slab = (typeof SLABS)[number];
/** Those that hold halves in mixed precision; all others always hold floats. */
export const HALF_SLABS: readonly Slab[] = ['acts', 'deltas'];

declare const tensorName: unique symbol;
/** The name of a declared tensor: `param/0/weight`, `act/1`. */
export type TensorName = string & { readonly [tensorName]: true };

/** A matrix in a slab. Rows and columns are padded to multiples of four, vec4 loads never leave it; padding is zero. */
export interface Tensor {
  readonly name: TensorName;
  readonly role: Role;
  readonly slab: Slab;
  readonly rows: number;
  readonly columns: number;
  /** Elements from one row to the next. */
  readonly stride: number;
  /** Where it begins in its slab, in elements; a multiple of 64 (256 bytes). */
  readonly offset: number;
  /** Elements with padding. */
  readonly size: number;
  /** Whether it is stored as halves. */
  readonly half?: boolean;
}

export type Phase = 'gather' | 'forward' | 'loss' | 'backward' | 'update' | 'metrics';

/** One dense layer as the update sees it, or a bias alone: what is the sum of a delta over the rows. */
export interface DenseRow {
  /** The layer's input, or undefined where it is gathered from the data set. */
  readonly x?: TensorName;
  readonly delta: TensorName;
  readonly weight?: TensorName;
  readonly bias?: TensorName;
}

/** A kernel on its tensors. A fused step keeps the base steps that it `covers`. */
export interface Step {
  readonly kernel: KernelName;
  readonly phase: Phase;
  /** Where in the network, for people: `layers[0]`. */
  readonly label: string;
  /** Rows of the mini-batch, padding included. */
  readonly batch: number;
  /** Tensor by argument; an argument that is both read and written stands in both. */
  readonly reads: Readonly<Record<string, TensorName>>;
  readonly writes: Readonly<Record<string, TensorName>>;
  /** What it reads of the data set. */
  readonly data: readonly ('inputs' | 'targets')[];
  readonly activation?: Activation;
  readonly loss?: Loss;
  /** What other layers ask for, and the number by which they draw. */
  readonly layer?: Layer;
  readonly number?: number;
  readonly optimizer?: Optimizer;
  /** Of an update that takes all gradients at once: the key of the spec that asks for that. */
  readonly together?: string;
  /** Of an update: it leaves what it moved in the place of the gradients. Of norms: they are of that. */
  readonly moves?: boolean;
  /** Of an update: how gradients are held back. */
  readonly clip?: Clip;
  /** Of an update: penalty and decay of every parameter. */
  readonly rules?: Readonly<Record<TensorName, Rule>>;
  /** Of an update: all dense layers, first to last. */
  readonly dense?: readonly DenseRow[];
  /** Of a loss: whether deltas are wanted. */
  readonly train?: boolean;
  /** Of a step that takes a network through several layers: the base steps of the whole list. */
  readonly network?: readonly Step[];
  /** Of a step that keeps things in the workgroup's memory: how much of it there is. */
  readonly workgroupBytes?: number;
  /** Of a kernel that takes matrix products: how; chosen by the plan. */
  readonly variant?: Variant;
  readonly covers?: readonly Step[];
}

/** Finds a tensor by name. */
export type Find = (name: TensorName) => Tensor;

/** Rows of a data set as a CPU kernel reads them. */
export interface CpuData {
  readonly width: number;
  /** Values of a row's target. */
  readonly targets: number;
  readonly x: Uint8Array | Float32Array;
  /** Class numbers [rows], or values [rows, targets]; absent where only predictions are made. */
  readonly y?: Uint32Array | Float32Array;
  /** [rows, 1 or 2]: how much a row counts, in training by the first, in evaluation by the last; absent: all the same. */
  readonly weights?: Float32Array;
  /** What a byte counts. */
  readonly scale: number;
  readonly offset: number;
}

/** What a CPU kernel is bound to, as long as the program lives. */
export interface CpuMemory {
  readonly slabs: Readonly<Record<Slab, Real>>;
  /** Room for so many numbers during a call; between calls others write there. */
  scratch(length: number): Float64Array;
  /** What sums the tiles of matrix products. */
  readonly tiles: Tiles;
}

/** What a CPU kernel is told at every step. */
export interface CpuContext {
  readonly data: CpuData;
  /** Row numbers of the mini-batch. */
  readonly indices: Uint32Array;
  /** Real rows; the rest are padding. */
  readonly rows: number;
  /** The sum of the weights of the update's rows; it may take several mini-batches. Its rows before this one. */
  readonly weight: number;
  readonly firstRow: number;
  /** Of the model, and its updates before this one: what random numbers follow from. */
  readonly seed: number;
  readonly finishedSteps: number;
  readonly scalars: Scalars;
  /** Four sums of the step: loss, correct, mean |e|, mean e². */
  readonly metrics: Float64Array;
  /** Sums of squares, four a row of the update's table: gradients of weights and biases, what was moved of both. */
  readonly norms: Float64Array;
  /** Whether the step must not change what was learned. */
  still: boolean;
}

/** Values of a shader's overrides, by name. */
export type Overrides = Record<string, number | boolean>;

export interface Kernel {
  /** Shape-dependent constants of the shader. Those that depend on the data's format come with the data. */
  overrides(step: Step, find: Find): Overrides;
  /** Which of several parts the shader takes; what is not said is chosen elsewhere. */
  choices?(step: Step): Partial<ShaderChoices>;
  /** Of a kernel that takes several steps of a submit in one dispatch: how many at most. */
  loop?(step: Step, find: Find): number;
  /** The matrix products of a kernel that has variants of them. */
  products?(step: Step, find: Find): readonly Product[];
  /** How many workgroups the step takes. */
  workgroups(step: Step, find: Find): number;
  /** Floating-point operations, a multiply-add counted as two. */
  flops(step: Step, find: Find): number;
  /** Arguments of a base kernel that are looked at for bad numbers, and what they are. */
  readonly watches?: Readonly<Record<string, 'activation' | 'loss' | 'delta'>>;
  /** The layer table, for kernels that work on several layers. */
  table?(step: Step, find: Find): Uint32Array<ArrayBuffer>;
  /**
   * The base kernels' plain loops: looks up once where a step's tensors lie, and gives what runs it. A fused kernel has
   * none, its `covers` are run.
   */
  reference?(step: Step, find: Find, memory: CpuMemory): (context: CpuContext) => void;
}

export const fours = (n: number): number => Math.ceil(n / 4);
/** An offset in vec4s. */
export const at = (tensor: Tensor): number => tensor.offset / 4;
/** Workgroups for `count` invocations. */
export const groups = (count: number): number => Math.ceil(count / WORKGROUP);

/** The tensor of an argument. */
export function argument(step: Step, find: Find, name: string): Tensor {
  const tensor = step.reads[name] ?? step.writes[name];
  if (tensor === undefined) throw new Error(`${step.kernel}: no argument ${name}`);
  return find(tensor);
}

/** The place in the spec of the layer that a tensor is of, or of the block around that: `delta/1`, `param/1.layers.0/weight`. */
export const layerNumber = (name: TensorName): number => Number(/\/(\d+)(?:[./]|$)/.exec(name)?.[1] ?? 0);

/** The tensor's slab from its first element. */
export const view = (tensor: Tensor, slabs: CpuMemory['slabs']): Real =>
  slabs[tensor.slab].subarray(tensor.offset, tensor.offset + tensor.size);
