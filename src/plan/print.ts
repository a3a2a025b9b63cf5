/** A program in words: one line a step, and the same as data. */
import { KERNELS } from '../kernels/index.ts';
import type { Step, TensorName } from '../kernels/kernel.ts';
import { variantText } from '../kernels/variants.ts';
import { partsOf } from '../spec/spec.ts';
import { type BaseList, LISTS, type Program, tensorOf } from './program.ts';

export interface ProgramDescription {
  strategy: string;
  /** Why it is not another, where the layers leave no choice. */
  remark?: string;
  dispatchesPerStep: number;
  /** Of an evaluation, for so many rows. */
  evaluation: { dispatches: number; rows: number };
  /** How many steps go into a submit: a fixed number, or `'adaptive'`. */
  stepsPerSubmit: number | 'adaptive';
  bytesPerStep: number;
  flopsPerStep: number;
  kernels: {
    name: string;
    label: string;
    /** How it takes its matrix products, for kernels that can in several ways. */
    variant?: string;
    workgroups: number;
    reads: string[];
    writes: string[];
    covers: string[];
  }[];
}

/** What a training step costs by the plan. Bytes count every tensor once per step that touches it. */
export function describeProgram(
  program: Program,
  stepsPerSubmit: number | 'adaptive' = 'adaptive',
): ProgramDescription {
  const { lists } = program;
  const { steps } = lists.train;
  const find = (name: TensorName) => tensorOf(program, name);
  const each = (price: (step: Step) => number) => sum(steps.map((step) => timesOf(program, step) * price(step)));
  return {
    strategy: program.strategy,
    ...(program.remark && { remark: program.remark }),
    dispatchesPerStep: each(() => 1),
    evaluation: { dispatches: lists.evaluate.steps.length, rows: lists.evaluate.batch },
    stepsPerSubmit,
    bytesPerStep: each((step) => bytes(program, step)),
    flopsPerStep: each((step) => KERNELS[step.kernel].flops(step, find)),
    kernels: steps.map((step) => ({
      name: step.kernel,
      label: step.label,
      ...(step.variant && { variant: variantText(step.variant) }),
      workgroups: KERNELS[step.kernel].workgroups(step, find),
      reads: [...step.data, ...new Set(Object.values(step.reads))],
      writes: [...new Set(Object.values(step.writes))],
      covers: (step.covers ?? []).map((covered) => covered.kernel),
    })),
  };
}

/** The program as text, list by list. */
export function printProgram(program: Program, lists: readonly BaseList[] = LISTS): string {
  const lines = [`strategy ${strategyText(program)}`];
  for (const name of lists) {
    const { batch, steps } = program.lists[name];
    const parts = name === 'train' ? partsText(program) : '';
    lines.push(`${name}: ${steps.length} ${steps.length === 1 ? 'dispatch' : 'dispatches'} for ${batch} rows${parts}`);
    for (const step of steps) lines.push(`  ${printStep(program, step)}`);
  }
  return lines.join('\n');
}

/** The plan in one line: `layered, 3 dispatches a step: fused_forward → fused_head → fused_update`. */
export function printLine(program: Program): string {
  const { steps } = program.lists.train;
  const kernels = steps.map((step) => step.kernel).join(' → ');
  return `${strategyText(program)}, ${steps.length} dispatches a step${partsText(program)}: ${kernels}`;
}

/** How often a step runs in an update, which may take several mini-batches. */
const timesOf = ({ spec }: Program, { phase }: Step) => (phase === 'update' ? 1 : partsOf(spec));

/** `, 3 of them 4 times`: what runs once for every mini-batch of an update. */
function partsText(program: Program): string {
  const parts = partsOf(program.spec);
  const repeated = program.lists.train.steps.filter((step) => timesOf(program, step) > 1).length;
  return parts === 1 ? '' : `, ${repeated} of them for each of ${parts} mini-batches`;
}

const strategyText = ({ strategy, remark }: Program) => (remark ? `${strategy} (${remark})` : strategy);

function printStep(program: Program, step: Step): string {
  const shape = (name: TensorName) => {
    const { rows, columns } = tensorOf(program, name);
    return `${name} [${rows}, ${columns}]`;
  };
  const only = (names: TensorName[]) => [...new Set(names)].filter((name) => !name.startsWith('state/')).map(shape);
  const find = (name: TensorName) => tensorOf(program, name);
  const reads = [...step.data, ...only(Object.values(step.reads))].join(', ');
  const writes = only(Object.values(step.writes)).join(', ') || 'metrics';
  const covers = step.covers ? `  covers ${step.covers.map((covered) => covered.kernel).join(', ')}` : '';
  const variant = step.variant ? `${variantText(step.variant)} ` : '';
  return `${step.phase} ${step.kernel} ${step.label}: ${reads} → ${writes}  ${variant}grid ${KERNELS[step.kernel].workgroups(step, find)}${covers}`;
}

function bytes(program: Program, step: Step): number {
  const size = (name: TensorName) => {
    const { rows, columns, half } = tensorOf(program, name);
    return (half ? 2 : 4) * rows * columns;
  };
  const own = [...new Set(Object.values(step.reads)), ...new Set(Object.values(step.writes))].map(size);
  const inputs = step.data.includes('inputs') ? 4 * step.batch * program.inputs : 0;
  const targets = step.data.includes('targets') ? 4 * step.batch : 0;
  return sum(own) + inputs + targets;
}

const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
