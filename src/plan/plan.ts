/** Lowers a spec to a program: base steps, then the strategy's fusions, then a place for every tensor. */
import { type Find, SLABS, type Slab, type Step, type Tensor, type TensorName } from '../kernels/kernel.ts';
import { AVERAGE, stateOf } from '../math/optimizers.ts';
import { placeLayers } from '../spec/network.ts';
import { outputs, type Spec } from '../spec/spec.ts';
import { baseProgram, declareParameters } from './base.ts';
import { check } from './check.ts';
import { chooseStrategy } from './choose.ts';
import { type Declaration, Declarations } from './declarations.ts';
import { fuseDelta, fuseForward, fuseGather, fuseHead, fuseResident, fuseRows, fuseUpdate } from './fuse.ts';
import { LOSS_SCALE } from './lower.ts';
import {
  AVERAGED,
  type BaseList,
  baseSteps,
  type Choices,
  LISTS,
  type Program,
  type StepList,
  type Strategy,
  touched,
} from './program.ts';
import { choicesOf, giveVariants } from './variants.ts';

export interface PlanOptions {
  /** Default `'auto'`: what fits the shapes and the adapter, by `chooseStrategy`. */
  strategy?: 'auto' | Strategy;
  /** Memory of a workgroup on the adapter, in bytes; default 16,384, which every WebGPU adapter has; 0 for the CPU. */
  workgroupBytes?: number;
  /** Rows of a mini-batch; default the spec's batch size, 256 where that is `'full'`. */
  batch?: number;
  /** Models side by side; default 1. No choice depends on it. */
  models?: number;
  /** Whether the adapter is emulated on the CPU: it wants other kernels; default false. */
  software?: boolean;
  /** Invocations of a subgroup, where that is one number and shaders may use subgroups; default 0: they may not. */
  subgroups?: number;
  /** Whether shaders may use halves: `shader-f16`; default true. */
  halves?: boolean;
  /** Variants that are chosen already, as `Program.choices` has them; the others are chosen by rule. */
  choices?: Choices;
}

/** The program of a spec. Pure: the same spec and options give the same program. */
export function plan(spec: Spec, options: PlanOptions = {}): Program {
  const { workgroupBytes = 16_384, software = false, subgroups = 0, halves = true, choices = {} } = options;
  const batch = options.batch ?? (spec.batchSize === 'full' ? 256 : spec.batchSize);
  const tensors = new Declarations();
  const mixed = spec.precision === 'mixed' && halves && choices.precision !== 'f32';
  declareParameters(spec, tensors, mixed);
  const widest = Math.max(spec.inputs, ...placeLayers(spec).map((layer) => layer.outputs));
  const rows: Record<BaseList, number> = {
    train: batch,
    evaluate: evaluationRows(batch, widest),
    infer: evaluationRows(batch, widest),
  };
  const base = Object.fromEntries(
    LISTS.map((name) => [name, baseProgram(spec, name, rows[name], tensors, mixed)]),
  ) as Record<BaseList, ReturnType<typeof baseProgram>>;
  const asked = options.strategy ?? 'auto';
  const { strategy, remark } = chooseStrategy(asked, base.train.steps, tensors, workgroupBytes, software);
  const remarks = [remark, insteadOfMixed(spec, mixed, halves)].filter((words) => words !== undefined);
  const fuse: Record<Strategy, (steps: readonly Step[]) => readonly Step[]> = {
    resident: (steps) => fuseResident(steps, workgroupBytes),
    'row-fused': (steps) => fuseRows(fuseUpdate(steps, false)),
    layered: (steps) => fuseLayers(steps, tensors, software && !mixed),
    plain: (steps) => steps,
  };
  const listsOf = (stepsOf: (name: BaseList) => readonly Step[]) =>
    Object.fromEntries(
      LISTS.map((name): [BaseList, StepList] => {
        const { output } = base[name];
        return [name, { batch: rows[name], steps: stepsOf(name), ...(name === 'infer' && { output }) }];
      }),
    ) as Record<BaseList, StepList>;
  const fused = listsOf((name) =>
    name === 'train' || strategy === 'plain' ? fuse[strategy](base[name].steps) : fuse.layered(base[name].steps),
  );
  const placed = place(fused, tensors, stateOf(spec.optimizer), mixed);
  const find = (name: TensorName) => placed.tensors.get(name)!;
  // What was chosen for training says nothing about a list that takes another number of rows.
  const chosen = (name: BaseList) => (rows[name] === rows.train ? choices : {});
  const lists = listsOf((name) => giveVariants(fused[name].steps, find, { software, subgroups }, chosen(name)));
  const program: Program = {
    spec,
    strategy,
    ...(remarks.length > 0 && { remark: remarks.join(', ') }),
    choices: {
      strategy,
      ...(spec.precision === 'mixed' && { precision: mixed ? 'mixed' : 'f32' }),
      ...choicesOf(lists.train.steps),
    },
    mixed,
    inputs: spec.inputs,
    outputs: outputs(spec),
    models: options.models ?? 1,
    lists: { ...lists, ...(spec.optimizer.emaMomentum !== undefined && averagedLists(lists, find)) },
    ...placed,
  };
  check(program);
  return deepFreeze(program);
}

/** Why a program is not in mixed precision, where that was asked for. */
function insteadOfMixed({ precision }: Spec, mixed: boolean, halves: boolean): string | undefined {
  if (!precision || mixed) return undefined;
  return `precision f32 instead of mixed, ${halves ? 'as the run began' : 'since this GPU has no shader-f16'}`;
}

/** The lists that train nothing, with the moving averages in the place of the weights. */
function averagedLists({ evaluate, infer }: Record<BaseList, StepList>, find: Find) {
  const averaged = (step: Step): Step => {
    const reads = Object.entries(step.reads).map(([argument, name]) => [
      argument,
      find(name).role === 'param' ? name.replace('param', `state/${AVERAGE}`) : name,
    ]);
    return { ...step, reads: Object.fromEntries(reads), ...(step.covers && { covers: step.covers.map(averaged) }) };
  };
  return {
    [AVERAGED.evaluate]: { ...evaluate, steps: evaluate.steps.map(averaged) },
    [AVERAGED.infer]: { ...infer, steps: infer.steps.map(averaged) },
  };
}

/**
 * On an emulated adapter every branch of a shader takes its time: there the update reads rows that the first layer copied,
 * if one does, instead of choosing between data and activations.
 */
function fuseLayers(steps: readonly Step[], tensors: Declarations, software: boolean): Step[] {
  const fuse = (gathers: boolean) =>
    fuseGather(fuseForward(fuseDelta(fuseHead(fuseUpdate(steps, gathers), tensors)), tensors));
  const copied = fuse(false);
  return software && !copied.some(({ kernel }) => kernel === 'gather_rows') ? copied : fuse(true);
}

/** Evaluation takes more rows at a time than a small mini-batch has, as far as activations stay within 16 MiB a layer. */
function evaluationRows(batch: number, widest: number): number {
  return Math.max(batch, Math.min(256, Math.floor(2 ** 22 / widest)), 1);
}

const padded = (n: number) => Math.ceil(n / 4) * 4;
/** 256 bytes in elements: where a binding may begin. */
const ALIGNMENT = 64;
/** Elements of every slab. */
type Sizes = Record<Slab, { materialised: number; all: number }>;
const aligned = (n: number) => Math.ceil(n / ALIGNMENT) * ALIGNMENT;

/**
 * Gives every tensor its range. What the steps themselves touch comes first in its slab, what only covered steps touch
 * behind it: a device that runs the steps needs the first part alone. State lies as the parameters do, one copy of
 * their layout per state tensor, gradients too.
 */
function place(lists: Record<BaseList, StepList>, declared: Declarations, state: readonly string[], mixed: boolean) {
  const steps = LISTS.flatMap((name) => lists[name].steps);
  const shown = new Set(steps.flatMap(touched));
  const tensors = new Map<TensorName, Tensor>();
  const slabs = Object.fromEntries(SLABS.map((slab) => [slab, { materialised: 0, all: 0 }])) as Sizes;
  const used = new Set([...shown, ...LISTS.flatMap((name) => baseSteps(lists[name].steps)).flatMap(touched)]);
  const order = [...declared.all.values()].filter(({ name }) => used.has(name));
  for (const pass of ['materialised', 'all'] as const) {
    for (const { name, role, slab, rows, columns } of order) {
      if (shown.has(name) !== (pass === 'materialised') || slab === 'state' || slab === 'grads') continue;
      if (role === 'half') continue;
      const half = mixed && shown.has(name) && /^(batch|act|delta)$/.test(role);
      const offset = slabs[slab].all;
      const stride = padded(columns);
      // Weights are read four rows at a time.
      const size = stride * (name.endsWith('/weight') ? padded(rows) : rows);
      tensors.set(name, { name, role, slab, rows, columns, stride, offset, size, ...(half && { half }) });
      slabs[slab].all = aligned(offset + size);
      if (pass === 'materialised') slabs[slab].materialised = slabs[slab].all;
    }
    if (pass === 'materialised' && mixed) placeHalves(order, tensors, slabs);
  }
  const size = slabs.params.all;
  const like = (name: TensorName, role: 'state' | 'grad', slab: Slab, of: string, offset: number) => {
    const param = tensors.get(of as TensorName)!;
    tensors.set(name, { ...param, name, role, slab, offset: param.offset + offset });
  };
  for (const { name, role } of order) {
    if (role === 'grad') like(name, role, 'grads', name.replace('grad', 'param'), 0);
    if (role !== 'state') continue;
    const [, kind, rest] = /^state\/([^/]+)\/(.*)$/.exec(name)!;
    like(name, role, 'state', `param/${rest}`, state.indexOf(kind!) * size);
  }
  slabs.grads = { materialised: [...shown].some((name) => name.startsWith('grad/')) ? size : 0, all: size };
  const norms = order
    .filter(({ role }) => role === 'norm')
    .sort((a, b) => Number(shown.has(b.name)) - Number(shown.has(a.name)));
  for (const { name, role, slab, rows, columns } of norms) {
    const { all } = slabs.grads;
    tensors.set(name, { name, role, slab, rows, columns, stride: 4, offset: all, size: rows * 4 });
    slabs.grads.all = aligned(all + rows * 4);
    if (shown.has(name)) slabs.grads.materialised = slabs.grads.all;
  }
  const states = state.length * size;
  if (mixed) tensors.set(LOSS_SCALE, { ...declared.all.get(LOSS_SCALE)!, stride: 4, offset: states, size: 4 });
  const all = mixed ? aligned(states + 4) : states;
  slabs.state = { materialised: all, all };
  return { tensors, slabs };
}

/** Halves lie as the parameters do, behind the activations. */
function placeHalves(order: readonly Declaration[], tensors: Map<TensorName, Tensor>, slabs: Sizes): void {
  const start = slabs.acts.all;
  for (const { name, role } of order) {
    if (role !== 'half') continue;
    const param = tensors.get(name.replace('half', 'param') as TensorName)!;
    tensors.set(name, { ...param, name, role, slab: 'acts', offset: start + param.offset, half: true });
  }
  slabs.acts.all = slabs.acts.materialised = start + slabs.params.all;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value) && !(value instanceof Map)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
