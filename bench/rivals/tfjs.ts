/** TensorFlow.js: a Keras model with `trainOnBatch`, and the same net by hand with `minimize`; the faster one counts. */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-webgpu';
import type { Engine, Session } from '../engine.ts';
import { ADAM, batchInputs, batchTargets, type Problem } from '../problem.ts';

type Backend = 'webgpu' | 'cpu';

const adam = () => tf.train.adam(ADAM.learningRate, ADAM.beta1, ADAM.beta2, ADAM.epsilon);

/** Puts a tensor on the GPU now rather than at its first use. */
function upload(tensor: tf.Tensor): void {
  const backend = tf.backend() as unknown as { uploadToGPU?: (id: object) => void };
  backend.uploadToGPU?.(tensor.dataId);
}

/** The mean loss, of several models the sum of theirs; by hand, which takes fewer dispatches than `tf.losses`. */
function lossOf({ workload }: Problem, y: tf.Tensor, z: tf.Tensor): tf.Scalar {
  const { batch, widths, loss } = workload;
  if (loss === 'meanSquaredError')
    return z
      .sub(y)
      .square()
      .sum<tf.Scalar>()
      .mul(1 / (batch * widths.at(-1)!));
  return tf
    .logSoftmax(z)
    .mul(y)
    .sum<tf.Scalar>()
    .mul(-1 / batch);
}

/** The resident mini-batches. `models` > 0 gives them a leading axis, which the products broadcast. */
function makeBatches(problem: Problem, models: number) {
  const { widths, batch } = problem.workload;
  return Array.from({ length: problem.resident }, (_, at) => {
    const inputs = tf.tensor2d(batchInputs(problem, at), [batch, widths[0]!]);
    const targets = tf.tensor2d(batchTargets(problem, at), [batch, widths.at(-1)!]);
    const x = models > 0 ? inputs.expandDims<tf.Tensor>(0) : inputs;
    const y = models > 0 ? tf.tile(targets.expandDims(0), [models, 1, 1]) : targets;
    upload(x);
    upload(y);
    return { x, y };
  });
}

function keras(
  problem: Problem,
): Omit<Session, 'run' | 'losses'> & { step(): Promise<number>; drain(): Promise<unknown> } {
  const { widths } = problem.workload;
  const model = tf.sequential();
  for (const [i, units] of widths.slice(1).entries()) {
    const last = i === widths.length - 2;
    model.add(
      tf.layers.dense({ units, ...(last ? {} : { activation: 'relu' }), ...(i === 0 && { inputShape: [widths[0]!] }) }),
    );
  }
  model.compile({ optimizer: adam(), loss: (y: tf.Tensor, z: tf.Tensor) => lossOf(problem, y, z) });
  const weights = problem.models[0]!.flatMap(({ weight, bias, inputs, outputs }) => [
    tf.tensor2d(weight, [inputs, outputs]),
    tf.tensor1d(bias),
  ]);
  model.setWeights(weights);
  const batches = makeBatches(problem, 0);
  let position = 0;
  return {
    async step() {
      const { x, y } = batches[position++ % batches.length]!;
      return (await model.trainOnBatch(x, y)) as number;
    },
    drain: () => model.getWeights().at(-1)!.data(),
    async outputs(x, rows) {
      const input = tf.tensor2d(x.slice(), [rows, widths[0]!]);
      const output = model.predict(input, { batchSize: rows }) as tf.Tensor;
      const values = (await output.data()) as Float32Array;
      tf.dispose([input, output]);
      return values;
    },
    async dispose() {
      model.dispose();
      tf.dispose([weights, batches.flatMap(({ x, y }) => [x, y])]);
    },
  };
}

function minimize(problem: Problem) {
  const { models, workload } = problem;
  const many = models.length > 1;
  const variable = (layer: number, kind: 'weight' | 'bias', shape: number[]): tf.Variable => {
    const size = models[0]![layer]![kind].length;
    const values = new Float32Array(models.length * size);
    for (const [m, layers] of models.entries()) values.set(layers[layer]![kind], m * size);
    return tf.variable(tf.tensor(values, many ? [models.length, ...shape] : shape));
  };
  const layers = models[0]!.map(({ inputs, outputs }, i) => ({
    weight: variable(i, 'weight', [inputs, outputs]),
    // Of several models a row each, to be added to all rows of its mini-batch.
    bias: variable(i, 'bias', many ? [1, outputs] : [outputs]),
  }));
  const network = (x: tf.Tensor) =>
    layers.reduce((input, { weight, bias }, i) => {
      const activation = i < layers.length - 1 ? 'relu' : 'linear';
      if (!many) return tf.fused.matMul({ a: input as tf.Tensor2D, b: weight as tf.Tensor2D, bias, activation });
      const z = tf.matMul(input, weight).add(bias);
      return activation === 'relu' ? tf.relu(z) : z;
    }, x);
  const optimizer = adam();
  const variables = layers.flatMap(({ weight, bias }) => [weight, bias]);
  const batches = makeBatches(problem, many ? models.length : 0);
  let position = 0;
  const step = (want: boolean): tf.Scalar | null => {
    const { x, y } = batches[position++ % batches.length]!;
    return optimizer.minimize(() => lossOf(problem, y, network(x)), want, variables);
  };
  return {
    async step(want = false) {
      const loss = step(want);
      if (!loss) return Number.NaN;
      const [value] = await loss.data();
      loss.dispose();
      return value! / models.length;
    },
    /** Without a wait. */
    go: () => void step(false),
    drain: () => layers.at(-1)!.bias.data(),
    async outputs(x: Float32Array, rows: number) {
      const output = tf.tidy(() => network(tf.tensor2d(x.slice(), [rows, workload.widths[0]!])));
      const values = (await output.data()) as Float32Array;
      output.dispose();
      return values;
    },
    async dispose() {
      optimizer.dispose();
      tf.dispose([variables, batches.flatMap(({ x, y }) => [x, y])]);
    },
    ...(many && { note: `${models.length} models in one batched matMul` }),
  };
}

async function open(problem: Problem, strategy: string, backend: Backend): Promise<Session> {
  await tf.setBackend(backend);
  if (strategy === 'trainOnBatch') {
    const model = keras(problem);
    return {
      ...model,
      async run(steps) {
        await tf.setBackend(backend);
        for (let k = 0; k < steps; k++) await model.step();
        await model.drain();
      },
      async losses(steps) {
        await tf.setBackend(backend);
        const losses: number[] = [];
        for (let k = 0; k < steps; k++) losses.push(await model.step());
        return losses;
      },
    };
  }
  const model = minimize(problem);
  return {
    ...model,
    async run(steps) {
      await tf.setBackend(backend);
      for (let k = 0; k < steps; k++) model.go();
      await model.drain();
    },
    async losses(steps) {
      await tf.setBackend(backend);
      const losses: number[] = [];
      for (let k = 0; k < steps; k++) losses.push(await model.step(true));
      return losses;
    },
  };
}

async function openMatmul(n: number): Promise<Session> {
  await tf.setBackend('webgpu');
  const [a, b] = [tf.randomUniform([n, n]), tf.randomUniform([n, n])];
  upload(a);
  upload(b);
  return {
    async run(steps) {
      await tf.setBackend('webgpu');
      for (let k = 1; k < steps; k++) tf.matMul(a, b).dispose();
      const last = tf.tidy(() => tf.matMul(a, b).slice([0, 0], [1, 1]));
      await last.data();
      last.dispose();
    },
    losses: async () => [],
    dispose: async () => tf.dispose([a, b]),
  };
}

/** The engines that this page can have. */
export async function engines(): Promise<Engine[]> {
  const version = `@tensorflow/tfjs ${tf.version.tfjs}`;
  const found: Engine[] = [];
  for (const device of ['webgpu', 'cpu'] as const) {
    if (!(await tf.setBackend(device).catch(() => false))) continue;
    found.push({
      name: `tfjs-${device}`,
      version,
      device,
      strategies: ['trainOnBatch', 'minimize'],
      fasterOnly: true,
      refuses: ({ models }, strategy) =>
        models > 1 && strategy === 'trainOnBatch' ? 'a Keras model is one model' : undefined,
      open: (problem, strategy) => open(problem, strategy, device),
      ...(device === 'webgpu' && { openMatmul }),
    });
  }
  return found;
}
