/** Gradients of a program against finite differences of its loss, both by the CPU executor in f64. */
import type { Rows } from '../../src/data/types.ts';
import { massOf } from '../../src/data/weights.ts';
import { LOSS_SCALE as SCALE } from '../../src/math/loss_scale.ts';
import { randomSource } from '../../src/math/random.ts';
import { LOSS_SCALE } from '../../src/plan/lower.ts';
import { plan } from '../../src/plan/plan.ts';
import { baseSteps, tensorOf } from '../../src/plan/program.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import { Feed, NO_SCALARS } from '../../src/run/feed.ts';
import { GUARD } from '../../src/run/guard.ts';
import type { Spec } from '../../src/spec/spec.ts';
import { slope } from '../golden/compare.ts';

/** Far below the distance of random points from the corners of relu and huber. */
const STEP = 1e-4;
/** Scalars with which `sgd` leaves every parameter where it is. */
const STAND_STILL = { ...NO_SCALARS, decay_factor: 1 };

export interface Gradients {
  /** Name of the parameter: `param/0/weight`. */
  name: string;
  backward: ArrayLike<number>;
  differences: number[];
}

/** Both gradients of the mean loss over the rows `indices`, for every parameter; all parameters start away from zero. */
export async function gradients(spec: Spec, rows: Rows, indices: readonly number[], seed = 1): Promise<Gradients[]> {
  const program = plan(spec);
  const executor = new CpuExecutor('f64');
  await executor.prepare(program);
  const parameters = [...program.tensors.values()].filter(({ role }) => role === 'param');
  for (const [n, { name, rows, columns }] of parameters.entries()) {
    const random = randomSource(seed, 9, n);
    const values = Float64Array.from({ length: rows * columns }, (_, i) => random.normal(i) * 0.7);
    await executor.write(name, values);
  }
  if (program.mixed) await executor.write(LOSS_SCALE, Float64Array.of(SCALE.start, 0));
  const data = await executor.load(rows);
  const feed = new Feed(program.lists.train.batch);
  feed.indices(0).set(indices);
  const mass = massOf(rows, 'train');
  const weight = indices.reduce((sum, row) => sum + (mass?.[row] ?? 1), 0);
  feed.set(0, indices.length, 0, STAND_STILL, 0, 0, 0, GUARD.off, 0, indices.length, weight);
  await executor.run('train', feed, 1, data);
  const backward = parameters.map(({ name }) => executor.values(name.replace('param', 'grad')).slice());

  const forward = baseSteps(program.lists.train.steps).filter(
    ({ phase }) => phase !== 'backward' && phase !== 'update',
  );
  const meanLoss = () => executor.runSteps(forward, feed, 0, data)[0]! / weight;
  const differences = parameters.map(({ name }) => {
    const values = Array.from(executor.values(name));
    const { columns } = tensorOf(program, name);
    if (values.length % columns !== 0) throw new Error(`${name}: ${values.length} values, ${columns} columns`);
    const found = values.map((center, i) => {
      const at = (value: number) => {
        values[i] = value;
        void executor.write(name, values); // the CPU executor has written when the call returns
        return meanLoss();
      };
      const difference = slope(at, center, STEP);
      at(center);
      return difference;
    });
    return found;
  });
  return parameters.map(({ name }, n) => ({ name, backward: backward[n]!, differences: differences[n]! }));
}
