/** A program: what a spec was compiled to, as flat, frozen data. */
import { HALF_SLABS, type Slab, type Step, type Tensor, type TensorName } from '../kernels/kernel.ts';
import type { Spec } from '../spec/spec.ts';

/**
 * How the steps of training are put together: `resident` runs them whole, many in one dispatch, inside one workgroup;
 * `row-fused` takes a few rows at a time through all layers; `layered` fuses within and across layers; `plain` runs the
 * base program as it is.
 */
export const STRATEGIES = ['resident', 'row-fused', 'layered', 'plain'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** Train on a mini-batch; loss and metrics of rows; outputs of rows. */
export const LISTS = ['train', 'evaluate', 'infer'] as const;
export type BaseList = (typeof LISTS)[number];
/** The last two by the moving averages of the weights; in programs that keep them. */
export const AVERAGED = { evaluate: 'averagedEvaluate', infer: 'averagedInfer' } as const;
export type AveragedList = (typeof AVERAGED)[keyof typeof AVERAGED];
export type ListName = BaseList | AveragedList;

export interface StepList {
  /** Rows that one run of the list takes. */
  readonly batch: number;
  readonly steps: readonly Step[];
  /** The tensor that holds the network's outputs after a run, where it is materialised. */
  readonly output?: TensorName;
}

/** What the plan chose, by name: the strategy, and a variant for each step that has them. The same choices give the same bits. */
export type Choices = Readonly<Record<string, string>>;

export interface Program {
  readonly spec: Spec;
  readonly strategy: Strategy;
  /** Why it is not another, where the layers leave no choice. */
  readonly remark?: string;
  readonly choices: Choices;
  /** Whether activations, deltas and a copy of the weights are halves. */
  readonly mixed: boolean;
  readonly inputs: number;
  readonly outputs: number;
  /** Models of this one shape that train side by side; the slabs hold them one behind the other. */
  readonly models: number;
  readonly tensors: ReadonlyMap<TensorName, Tensor>;
  /** Elements per slab and model: what the fused steps touch, and with what only covered steps touch behind it. */
  readonly slabs: Readonly<Record<Slab, { readonly materialised: number; readonly all: number }>>;
  readonly lists: Readonly<Record<BaseList, StepList> & Partial<Record<AveragedList, StepList>>>;
}

/** The parameters of whose gradients the host hears, PyTorch's names: weight and bias of every row of the update's table. */
export function normNames({ lists }: Program): (string | undefined)[] {
  const dense = lists.train.steps.find(({ kernel }) => kernel === 'step_norms')?.dense ?? [];
  const own = (name: TensorName | undefined) => name?.replace(/^param\/(.+)\/(\w+)$/, 'layers.$1.$2');
  return dense.flatMap(({ weight, bias }) => [own(weight), own(bias)]);
}

/** Bytes of an element of a slab where it is stored for good. */
export const elementBytes = ({ mixed }: Pick<Program, 'mixed'>, slab: Slab): number =>
  mixed && HALF_SLABS.includes(slab) ? 2 : 4;

/** The tensor of that name. */
export function tensorOf(program: Program, name: string): Tensor {
  const tensor = program.tensors.get(name as TensorName);
  if (!tensor) throw new Error(`program: no tensor "${name}"; it has ${[...program.tensors.keys()].join(', ')}`);
  return tensor;
}

/** A list that the program has. */
export function listOf(program: Program, name: ListName): StepList {
  const list = program.lists[name];
  if (!list) throw new Error(`program: no list "${name}"`);
  return list;
}

/** The base steps that a list stands for. */
export const baseSteps = (steps: readonly Step[]): Step[] => steps.flatMap((step) => step.covers ?? [step]);

/** What of the tensors a step touches, each once. */
export const touched = (step: Step): TensorName[] => [
  ...new Set([...Object.values(step.reads), ...Object.values(step.writes)]),
];
