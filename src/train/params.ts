/** Parameters by the names and shapes of PyTorch: `layers.0.weight` is [out, in], where the program has [in, out]. */
import { CheckpointError } from '../errors.ts';
import type { NamedTensor } from '../io/tensors.ts';
import { initialize } from '../math/initializers.ts';
import { OPTIMIZER_MATH } from '../math/optimizers.ts';
import { randomSource, STREAM } from '../math/random.ts';
import { type Program, tensorOf } from '../plan/program.ts';
import type { Executor } from '../run/executor.ts';
import type { Spec } from '../spec/spec.ts';

/** `layers.0.weight` → `param/0/weight`. */
const inProgram = (name: string, kind: string) => name.replace(/^layers\.(\d+)\.(\w+)$/, `${kind}/$1/$2`);

/** Names of a program's parameters in PyTorch's words, first layer first. */
export function parameterNames(program: Program): string[] {
  return [...program.tensors.values()]
    .filter(({ role }) => role === 'param')
    .map(({ name }) => name.replace(/^param\/(\d+)\/(\w+)$/, 'layers.$1.$2'))
    .sort((a, b) => Number(a.split('.')[1]) - Number(b.split('.')[1]) || (a < b ? 1 : -1));
}

/** The initial values of all parameters, by the spec's seed and initialisers. */
export function initialParameters(program: Program, seed: number): Map<string, NamedTensor> {
  const { layers } = program.spec;
  const values = parameterNames(program).map((name, n): [string, NamedTensor] => {
    const { rows, columns } = tensorOf(program, inProgram(name, 'param'));
    const layer = layers[Number(name.split('.')[1])]!;
    if (layer.type !== 'dense') throw new Error(`${name} is no parameter of a dense layer`);
    const weight = name.endsWith('weight');
    const fanIn = tensorOf(program, inProgram(name.replace('bias', 'weight'), 'param')).rows;
    const out = new Float32Array(rows * columns);
    const random = randomSource(seed, STREAM.init, n);
    initialize(weight ? layer.weightInitializer : layer.biasInitializer, fanIn, columns, random, out);
    return [
      name,
      weight ? { shape: [columns, rows], values: transpose(out, rows, columns) } : { shape: [columns], values: out },
    ];
  });
  return new Map(values);
}

/** The optimizer's state where it does not start at 0, as `readState` gives it. */
export function initialState(program: Program, { optimizer }: Spec): Map<string, NamedTensor> {
  const { state, start } = OPTIMIZER_MATH[optimizer.type];
  const starts = start?.(optimizer as never) ?? [];
  const tensors = state(optimizer as never).flatMap((slot, n) =>
    parameterNames(program).map((name): [string, NamedTensor] => {
      const { rows, columns } = tensorOf(program, inProgram(name, 'param'));
      const shape = name.endsWith('weight') ? [columns, rows] : [columns];
      return [`${slot}.${name}`, { shape, values: new Float32Array(rows * columns).fill(starts[n] ?? 0) }];
    }),
  );
  return new Map(tensors.filter(([, { values }]) => values[0] !== 0));
}

/** @throws CheckpointError for a name that the program does not have, or another shape */
export function checkParameters(program: Program, weights: ReadonlyMap<string, NamedTensor>, who: string): void {
  const known = parameterNames(program);
  for (const [name, { shape, values }] of weights) {
    if (!known.includes(name)) {
      throw new CheckpointError('checkpoint/name', `${who}: got "${name}", expected one of ${known.join(', ')}.`);
    }
    const { rows, columns } = tensorOf(program, inProgram(name, 'param'));
    const expected = name.endsWith('weight') ? [columns, rows] : [columns];
    if (shape.join() !== expected.join() || values.length !== rows * columns) {
      throw new CheckpointError(
        'checkpoint/shape',
        `${who}: ${name}: got shape [${shape}] with ${values.length} values, expected [${expected}].`,
      );
    }
  }
}

/** Reads all parameters from the executor. */
export async function readParameters(
  executor: Pick<Executor, 'read'>,
  program: Program,
  kind = 'param',
  model = 0,
): Promise<Map<string, NamedTensor>> {
  const names = parameterNames(program);
  const read = await Promise.all(names.map((name) => executor.read(inProgram(name, kind), model)));
  return new Map(
    names.map((name, n) => {
      const { rows, columns } = tensorOf(program, inProgram(name, kind));
      const values = read[n]!;
      if (!name.endsWith('weight')) return [name, { shape: [columns], values }];
      return [name, { shape: [columns, rows], values: transpose(values, rows, columns) }];
    }),
  );
}

/** Writes parameters, or state of the given kind, into the executor. */
export async function writeParameters(
  executor: Executor,
  program: Program,
  parameters: ReadonlyMap<string, NamedTensor>,
  kind = 'param',
  model = 0,
): Promise<void> {
  for (const [name, { values }] of parameters) {
    const { rows, columns } = tensorOf(program, inProgram(name, kind));
    const own = name.endsWith('weight') ? transpose(values, columns, rows) : values;
    await executor.write(inProgram(name, kind), own, model);
  }
}

/** Reads the optimizer's state: `exp_avg.layers.0.weight`. */
export async function readState(
  executor: Pick<Executor, 'read'>,
  program: Program,
  model = 0,
): Promise<Map<string, NamedTensor>> {
  const slots = stateNames(program);
  // All reads are asked for at once, so that they show the state of one moment while a training goes on.
  const read = await Promise.all(slots.map((slot) => readParameters(executor, program, `state/${slot}`, model)));
  return new Map(
    slots.flatMap((slot, n) => [...read[n]!].map(([name, tensor]) => [`${slot}.${name}`, tensor] as const)),
  );
}

/** Writes what `readState` gave. */
export async function writeState(
  executor: Executor,
  program: Program,
  state: ReadonlyMap<string, NamedTensor>,
  model = 0,
): Promise<void> {
  for (const slot of stateNames(program)) {
    const own = [...state].filter(([name]) => name.startsWith(`${slot}.layers.`));
    const parameters = new Map(own.map(([name, tensor]) => [name.slice(slot.length + 1), tensor]));
    await writeParameters(executor, program, parameters, `state/${slot}`, model);
  }
}

const stateNames = ({ spec }: Program) => OPTIMIZER_MATH[spec.optimizer.type].state(spec.optimizer as never);

/** [rows, columns] → [columns, rows] */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(values.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = values[i * columns + j]!;
  return turned;
}
