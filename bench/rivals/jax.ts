/** jax-js: one jitted step over all parameters, as its own MNIST demo trains; nothing is awaited within a run. */
import { blockUntilReady, type Device, init, jit, nn, numpy as np, tree, valueAndGrad, vmap } from '@jax-js/jax';
import type { Engine, Session } from '../engine.ts';
import { ADAM, batchInputs, batchTargets, type Problem } from '../problem.ts';

type Dense = { weight: np.Array; bias: np.Array };
/** The count of steps is an array: a number that changes would be compiled anew. */
type State = { params: Dense[]; first: Dense[]; second: Dense[]; count: np.Array };

/** Its documentation asks for a wait now and then, so that the queue does not grow without end. */
const WAIT_EVERY = 64;

function network(params: Dense[], x: np.Array): np.Array {
  return params.reduce((input, { weight, bias }, i) => {
    const z = np.dot(input, weight).add(bias);
    return i < params.length - 1 ? nn.relu(z) : z;
  }, x);
}

/** State and mini-batch → the next state and the loss. Every array that goes in is used up. */
function makeStep({ workload }: Problem) {
  const { learningRate, beta1, beta2, epsilon } = ADAM;
  const lossOf = (params: Dense[], x: np.Array, y: np.Array): np.Array => {
    const z = network(params, x);
    if (workload.loss === 'meanSquaredError') return np.square(z.sub(y)).mean();
    return nn
      .logSoftmax(z)
      .mul(y)
      .sum()
      .mul(-1 / workload.batch);
  };
  return (state: State, x: np.Array, y: np.Array): [State, np.Array] => {
    const { params } = state;
    const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(params), x, y) as [np.Array, Dense[]];
    const first = tree.map(
      (m: np.Array, g: np.Array) => m.mul(beta1).add(g.ref.mul(1 - beta1)),
      state.first,
      tree.ref(gradients),
    ) as Dense[];
    const second = tree.map(
      (v: np.Array, g: np.Array) => v.mul(beta2).add(np.square(g).mul(1 - beta2)),
      state.second,
      gradients,
    ) as Dense[];
    const count = state.count.add(1);
    // 1 − βᵗ, written anew for every parameter: shared, it would be a kernel of its own.
    const correction = (beta: number) =>
      np
        .exp(count.ref.mul(Math.log(beta)))
        .mul(-1)
        .add(1);
    const moved = tree.map(
      (p: np.Array, m: np.Array, v: np.Array) =>
        p.sub(
          m
            .mul(learningRate)
            .div(correction(beta1))
            .div(np.sqrt(v.div(correction(beta2))).add(epsilon)),
        ),
      params,
      tree.ref(first),
      tree.ref(second),
    ) as Dense[];
    return [{ params: moved, first, second, count }, loss];
  };
}

function open(problem: Problem, device: Device): Session {
  const { workload, models } = problem;
  const { widths, batch } = workload;
  const many = models.length > 1;
  const stacked = (layer: number, kind: 'weight' | 'bias', shape: number[]): np.Array => {
    const values = new Float32Array(models.length * models[0]![layer]![kind].length);
    for (const [m, layers] of models.entries()) values.set(layers[layer]![kind], m * layers[layer]![kind].length);
    return np.array(values, { device }).reshape(many ? [models.length, ...shape] : shape);
  };
  const params = models[0]!.map(
    ({ inputs, outputs }, i): Dense => ({
      weight: stacked(i, 'weight', [inputs, outputs]),
      bias: stacked(i, 'bias', [outputs]),
    }),
  );
  const zeros = () => tree.map((p: np.Array) => np.zeros(p.shape, { device }), params) as Dense[];
  const count = np.zeros(many ? [models.length] : [], { device });
  let state: State = { params, first: zeros(), second: zeros(), count };
  const array = (values: Float32Array<ArrayBuffer>, width: number) =>
    np.array(values, { device }).reshape([batch, width]);
  const batches = Array.from({ length: problem.resident }, (_, at) => ({
    x: array(batchInputs(problem, at), widths[0]!),
    y: array(batchTargets(problem, at), widths.at(-1)!),
  }));
  const single = makeStep(problem);
  const step = jit(many ? vmap(single, [0, null, null]) : single);
  const predict = jit((layers: Dense[], x: np.Array) => network(layers, x));
  let position = 0;
  const advance = (): np.Array => {
    const { x, y } = batches[position++ % batches.length]!;
    const [next, loss] = step(state, x.ref, y.ref) as [State, np.Array];
    state = next;
    return loss;
  };
  return {
    ...(many && { note: `${models.length} models in one jitted step, by vmap` }),
    async run(steps) {
      for (let k = 1; k <= steps; k++) {
        advance().dispose();
        if (k % WAIT_EVERY === 0) await blockUntilReady(state.params);
      }
      await blockUntilReady(state.params);
    },
    async losses(steps) {
      const losses: number[] = [];
      for (let k = 0; k < steps; k++) {
        const values = (await advance().data()) as Float32Array;
        losses.push(values.reduce((sum, value) => sum + value, 0) / values.length);
      }
      return losses;
    },
    async outputs(x, rows) {
      const input = np.array(x.slice(), { device }).reshape([rows, widths[0]!]);
      return (await (predict(tree.ref(state.params), input) as np.Array).data()) as Float32Array;
    },
    async dispose() {
      tree.dispose(state);
      tree.dispose(batches);
      step.dispose();
      predict.dispose();
    },
  };
}

function openMatmul(n: number, device: Device): Session {
  // Products of products neither grow nor vanish.
  const bound = Math.sqrt(3 / n);
  const random = () =>
    np
      .array(
        Float32Array.from({ length: n * n }, () => (2 * Math.random() - 1) * bound),
        { device },
      )
      .reshape([n, n]);
  const a = random();
  let product = random();
  const multiply = jit((x: np.Array, y: np.Array) => np.dot(x, y));
  return {
    async run(steps) {
      // A product that nobody needs is never computed: each is a factor of the next.
      for (let k = 0; k < steps; k++) product = multiply(a.ref, product) as np.Array;
      await blockUntilReady(product);
    },
    losses: async () => [],
    dispose: async () => tree.dispose([a, product]),
  };
}

/** The engines that this page can have. */
export async function engines(versions: Record<string, string>): Promise<Engine[]> {
  const version = `@jax-js/jax ${versions['@jax-js/jax']}`;
  const available = (await init('webgpu', 'wasm')).filter((device) => device !== 'cpu');
  return available.map((device) => ({
    name: `jax-${device}`,
    version,
    device: device === 'webgpu' ? 'webgpu' : 'cpu',
    strategies: ['jit'],
    open: async (problem) => open(problem, device),
    ...(device === 'webgpu' && { openMatmul: async (n: number) => openMatmul(n, device) }),
  }));
}
