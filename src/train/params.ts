/** Parameters by the names and shapes of PyTorch: `layers.0.weight` is [out, in], where the program has [in, out]. */
import { CheckpointError, SpecError } from '../errors.ts';
import type { NamedTensor } from '../io/tensors.ts';
import { initialize } from '../math/initializers.ts';
import { LOSS_SCALE } from '../math/loss_scale.ts';
import { AVERAGE, OPTIMIZER_MATH, stateOf } from '../math/optimizers.ts';
import { randomSource, STREAM } from '../math/random.ts';
import { nameInProgram, LOSS_SCALE as SCALER } from '../plan/lower.ts';
import { type Program, tensorOf } from '../plan/program.ts';
import type { Executor } from '../run/executor.ts';
import { type Parameter, parametersOf } from '../spec/network.ts';
import type { Spec } from '../spec/spec.ts';

export type Tensors = ReadonlyMap<string, NamedTensor>;

export const copyOf = (tensors: Tensors): Tensors =>
  new Map([...tensors].map(([name, { shape, values }]) => [name, { shape, values: values.slice() }]));

export const tensorBytes = (...all: (Tensors | undefined)[]): number =>
  all.flatMap((tensors) => [...(tensors?.values() ?? [])]).reduce((sum, { values }) => sum + values.byteLength, 0);

/** The parameters of a program, first layer first; statistics have no gradients and no state. */
const known = ({ spec }: Program, kind = 'param'): Parameter[] =>
  parametersOf(spec).filter((parameter) => kind === 'param' || parameter.kind !== 'statistic');

/** The initial values of all parameters, by the spec's seed and initialisers. */
export function initialParameters(program: Program, seed: number): Map<string, NamedTensor> {
  const values = known(program).map((parameter, n): [string, NamedTensor] => {
    const { name, shape, initializer, fanIn } = parameter;
    const { rows, columns } = tensorOf(program, nameInProgram(name, 'param'));
    const out = new Float32Array(rows * columns);
    initialize(initializer, fanIn, columns, randomSource(seed, STREAM.init, n), out);
    return [name, { shape: [...shape], values: fromProgram(parameter, out) }];
  });
  return new Map(values);
}

/** The optimizer's state where it does not start at 0, as `readState` gives it. */
export function initialState(program: Program, { optimizer }: Spec): Map<string, NamedTensor> {
  const { state, start } = OPTIMIZER_MATH[optimizer.type];
  const starts = start?.(optimizer as never) ?? [];
  const tensors = state(optimizer as never).flatMap((slot, n) =>
    known(program, 'state').map(({ name, shape }): [string, NamedTensor] => {
      const { rows, columns } = tensorOf(program, nameInProgram(name, 'param'));
      const values = new Float32Array(rows * columns).fill(starts[n] ?? 0);
      return [`${slot}.${name}`, { shape: [...shape], values }];
    }),
  );
  const initial = new Map(tensors.filter(([, { values }]) => values[0] !== 0));
  if (program.mixed) initial.set(SCALER, { shape: [2], values: Float32Array.of(LOSS_SCALE.start, 0) });
  return initial;
}

/** @throws CheckpointError for a name that the program does not have, or another shape */
export function checkParameters(program: Program, weights: ReadonlyMap<string, NamedTensor>, who: string): void {
  const shapes = new Map(known(program).map(({ name, shape }) => [name, shape]));
  for (const [name, { shape, values }] of weights) {
    const expected = shapes.get(name);
    if (!expected) {
      const names = [...shapes.keys()].join(', ');
      throw new CheckpointError('checkpoint/name', `${who}: got "${name}", expected one of ${names}.`);
    }
    if (shape.join() !== expected.join() || values.length !== expected.reduce((a, b) => a * b, 1)) {
      throw new CheckpointError(
        'checkpoint/shape',
        `${who}: ${name}: got shape [${shape}] with ${values.length} values, expected [${expected}].`,
      );
    }
  }
}

/** Writes what every model starts from. */
export async function writeStart(
  executor: Executor,
  program: Program,
  members: readonly { spec: Spec; weights?: Tensors | undefined }[],
): Promise<void> {
  for (const [model, { spec, weights }] of members.entries()) {
    const initial = new Map([...initialParameters(program, spec.seed), ...(weights ?? [])]);
    await writeParameters(executor, program, initial, 'param', model);
    await writeAverages(executor, program, initial, model);
    await writeState(executor, program, initialState(program, spec), model);
  }
}

/** Sets the moving averages of weights, where the program keeps them. */
export async function writeAverages(executor: Executor, program: Program, weights: Tensors, model = 0): Promise<void> {
  if (program.spec.optimizer.emaMomentum === undefined) return;
  await writeParameters(executor, program, weights, `state/${AVERAGE}`, model);
}

/** The parameters, moving averages in the place of those that are trained. */
export async function readAverages(
  executor: Pick<Executor, 'read'>,
  program: Program,
): Promise<Map<string, NamedTensor>> {
  const kinds = ['param', `state/${AVERAGE}`];
  const read = await Promise.all(kinds.map((kind) => readParameters(executor, program, kind)));
  return new Map(read.flatMap((tensors) => [...tensors]));
}

/** @throws SpecError where averages are asked for that nobody keeps */
export function checkAveraged({ optimizer }: Spec, averaged: boolean | undefined, who: string): void {
  if (!averaged || optimizer.emaMomentum !== undefined) return;
  throw new SpecError(
    'spec/value',
    `${who}: averaged: got true, but no averages of the weights are kept; give the optimizer an emaMomentum, such as 0.999.`,
  );
}

/** Reads all parameters from the executor. */
export async function readParameters(
  executor: Pick<Executor, 'read'>,
  program: Program,
  kind = 'param',
  model = 0,
): Promise<Map<string, NamedTensor>> {
  const parameters = known(program, kind);
  const read = await Promise.all(parameters.map(({ name }) => executor.read(nameInProgram(name, kind), model)));
  return new Map(
    parameters.map((parameter, n) => {
      const { name, shape } = parameter;
      return [name, { shape: [...shape], values: fromProgram(parameter, read[n]!) }];
    }),
  );
}

/** Writes parameters, or state of the given kind, into the executor. */
export async function writeParameters(
  executor: Pick<Executor, 'write'>,
  program: Program,
  parameters: ReadonlyMap<string, NamedTensor>,
  kind = 'param',
  model = 0,
): Promise<void> {
  for (const parameter of known(program, kind)) {
    const given = parameters.get(parameter.name);
    if (!given) continue;
    const [outputs, inputs] = parameter.shape as [number, number];
    const own = parameter.kind === 'matrix' ? transpose(given.values, outputs, inputs) : given.values;
    await executor.write(nameInProgram(parameter.name, kind), own, model);
  }
}

/**
 * Reads the optimizer's state: `exp_avg.layers.0.weight`, and the scale of the loss where there is one. The program of a
 * sweep may keep more than the optimizer of one of its models.
 */
export async function readState(
  executor: Pick<Executor, 'read'>,
  program: Program,
  model = 0,
  { optimizer }: Spec = program.spec,
): Promise<Map<string, NamedTensor>> {
  const slots = stateOf(optimizer);
  // All reads are asked for at once, so that they show the state of one moment while a training goes on.
  const scaler = program.mixed ? executor.read(SCALER, model) : undefined;
  const read = await Promise.all(slots.map((slot) => readParameters(executor, program, `state/${slot}`, model)));
  const state = new Map<string, NamedTensor>(
    slots.flatMap((slot, n) => [...read[n]!].map(([name, tensor]) => [`${slot}.${name}`, tensor] as const)),
  );
  if (scaler) state.set(SCALER, { shape: [2], values: await scaler });
  return state;
}

/** Writes what `readState` gave. */
export async function writeState(
  executor: Pick<Executor, 'write'>,
  program: Program,
  state: ReadonlyMap<string, NamedTensor>,
  model = 0,
): Promise<void> {
  for (const slot of stateOf(program.spec.optimizer)) {
    const own = [...state].filter(([name]) => name.startsWith(`${slot}.layers.`));
    const parameters = new Map(own.map(([name, tensor]) => [name.slice(slot.length + 1), tensor]));
    await writeParameters(executor, program, parameters, `state/${slot}`, model);
  }
  const scaler = program.mixed && state.get(SCALER);
  if (scaler) await executor.write(SCALER, scaler.values, model);
}

/** Values as they lie in a program, in PyTorch's order. */
function fromProgram({ shape, kind }: Parameter, values: Float32Array): Float32Array {
  const [outputs, inputs] = shape as [number, number];
  return kind === 'matrix' ? transpose(values, inputs, outputs) : values;
}

/** [rows, columns] → [columns, rows] */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(values.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = values[i * columns + j]!;
  return turned;
}
