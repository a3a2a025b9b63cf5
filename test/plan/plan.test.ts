import { describe, expect, it } from 'vitest';
import { KERNELS } from '../../src/kernels/index.ts';
import { SLABS, type Step, type Tensor, type TensorName } from '../../src/kernels/kernel.ts';
import { KERNEL_SHADERS, STRUCTS } from '../../src/kernels/shaders.generated.ts';
import { randomSource } from '../../src/math/random.ts';
import { check } from '../../src/plan/check.ts';
import { type PlanOptions, plan } from '../../src/plan/plan.ts';
import { describeProgram, printLine, printProgram } from '../../src/plan/print.ts';
import { baseSteps, LISTS, type Program, STRATEGIES, tensorOf } from '../../src/plan/program.ts';
import { ACTIVATIONS, type ActivationName } from '../../src/spec/activations.ts';
import { activation, dense, type LayerInput, layerNorm } from '../../src/spec/layers.ts';
import { OPTIMIZERS } from '../../src/spec/optimizers.ts';
import { parseSpec, type Spec } from '../../src/spec/spec.ts';

/** The plan without the choice of a strategy. */
const layered = (spec: Spec, options: PlanOptions = {}) => plan(spec, { strategy: 'layered', ...options });

const names = Object.keys(ACTIVATIONS) as ActivationName[];
const FUSED = ['fused_forward', 'fused_head', 'fused_delta', 'fused_update', 'fused_rows', 'resident'];

function specOf(layers: LayerInput[], options: object = {}): Spec {
  return parseSpec({ inputs: 6, layers, loss: 'softmaxCrossEntropy', batchSize: 16, ...options });
}
const kernels = (program: Program) => program.lists.train.steps.map(({ kernel }) => kernel);

/** `depth` dense layers, the last with `outputs` outputs. */
function network(depth: number, name: ActivationName, outputs = 3): LayerInput[] {
  const hidden = Array.from({ length: depth - 1 }, (_, i) => dense(5 + i, { activation: name }));
  return [...hidden, dense(outputs)];
}

/** A network of layers drawn at random. */
function randomSpec(seed: number): Spec {
  const random = randomSource(seed, 9);
  let draws = 0;
  const below = (n: number) => Math.floor(random.uniform(draws++) * n);
  const name = () => names[below(names.length)]!;
  const layers = Array.from({ length: 1 + below(6) }, () => {
    if (below(3) === 0) return activation(name());
    return dense(2 + below(7), { bias: below(2) === 0, ...(below(2) === 0 && { activation: name() }) });
  });
  if (below(2) === 0 || layers.every(({ type }) => type === 'activation')) layers.push(dense(below(4) ? 3 : 300));
  const optimizer = Object.keys(OPTIMIZERS)[below(4)]!;
  return specOf(layers, { optimizer, batchSize: 1 + below(20) });
}
const SEEDS = Array.from({ length: 60 }, (_, seed) => seed);

describe('dispatches a step', () => {
  it.each(names)('are max(2, 2L − 1) with %s between L dense layers', (name) => {
    for (const depth of [1, 2, 3, 4, 5, 6]) {
      const steps = kernels(layered(specOf(network(depth, name))));
      expect(steps, `${depth} layers`).toHaveLength(Math.max(2, 2 * depth - 1));
      expect(steps.every((kernel) => FUSED.includes(kernel))).toBe(true);
    }
  });

  it('are as many on an emulated adapter, whose first layer copies the rows for the update', () => {
    for (const depth of [1, 2, 3]) {
      const program = plan(specOf(network(depth, 'relu')), { strategy: 'layered', software: true });
      expect(kernels(program)).toEqual(kernels(layered(specOf(network(depth, 'relu')))));
      const [first] = program.lists.train.steps;
      expect('x' in first!.writes).toBe(depth > 1);
    }
  });

  it.each(names)('are as many where %s is a layer of its own', (name) => {
    for (const depth of [2, 3, 4]) {
      const apart = network(depth, 'linear').flatMap((layer, i) =>
        i < depth - 1 ? [layer, activation(name)] : [layer],
      );
      expect(kernels(layered(specOf(apart)))).toEqual(kernels(layered(specOf(network(depth, name)))));
    }
  });

  it('of a head with 256 outputs are fused, of a wider one are not', () => {
    expect(kernels(layered(specOf(network(2, 'relu', 256))))).toEqual(['fused_forward', 'fused_head', 'fused_update']);
    expect(kernels(layered(specOf(network(2, 'relu', 257))))).toEqual([
      'fused_forward',
      'fused_forward',
      'loss',
      'fused_delta',
      'fused_update',
    ]);
    expect(kernels(layered(specOf(network(1, 'relu', 257))))).toEqual(['fused_forward', 'loss', 'fused_update']);
  });

  it('of the strategy plain are the base kernels', () => {
    expect(kernels(plan(specOf(network(2, 'relu')), { strategy: 'plain' }))).toEqual([
      'gather_rows',
      'dense_forward',
      'activation_forward',
      'dense_forward',
      'loss',
      'dense_backward_weight',
      'dense_backward_input',
      'activation_backward',
      'dense_backward_weight',
      'optimizer_update',
      'reduce_metrics',
    ]);
  });
});

describe('any network', () => {
  it('is planned, and is the same program each time', () => {
    for (const seed of SEEDS) expect(layered(randomSpec(seed))).toEqual(layered(randomSpec(seed)));
  });

  it('keeps its base program: every base step is covered exactly once, but for the copying of rows', () => {
    const identity = ({ kernel, label, reads, writes }: Step) =>
      JSON.stringify([kernel, label, Object.entries(reads).sort(), Object.entries(writes).sort()]);
    const small = (spec: Spec) => plan(spec).strategy === 'resident';
    const fusing = (spec: Spec) =>
      STRATEGIES.filter((name) => name !== 'plain' && (name !== 'resident' || small(spec)));
    for (const [spec, strategy] of SEEDS.map(randomSpec).flatMap((spec) =>
      fusing(spec).map((name) => [spec, name] as const),
    )) {
      const [plain, fused] = [plan(spec, { strategy: 'plain' }), plan(spec, { strategy })];
      for (const list of LISTS) {
        const base = baseSteps(fused.lists[list].steps);
        expect(base.every((step) => step.covers === undefined && !FUSED.includes(step.kernel))).toBe(true);
        const once = (steps: readonly Step[]) =>
          steps
            .filter(({ kernel }) => kernel !== 'gather_rows')
            .map(identity)
            .sort();
        expect(once(base), `${strategy} ${list} of seed ${spec.seed}`).toEqual(once(plain.lists[list].steps));
        expect(base.some(({ kernel }) => kernel === 'gather_rows')).toBe(true);
        for (const step of fused.lists[list].steps) {
          expect(FUSED.includes(step.kernel), step.kernel).toBe(step.covers !== undefined);
        }
      }
    }
  });

  it('runs its base steps in an order in which all is written before it is read, and reads no overwritten weight', () => {
    for (const seed of SEEDS) {
      const program = layered(randomSpec(seed));
      for (const list of LISTS) {
        const written = new Set<TensorName>();
        let updated = false;
        for (const step of baseSteps(program.lists[list].steps)) {
          for (const name of Object.values(step.reads)) {
            const { role } = tensorOf(program, name);
            expect(role === 'param' || role === 'state' || written.has(name), `${step.kernel} ${name}`).toBe(true);
            if (role === 'param') expect(updated, `${step.kernel} after the update`).toBe(false);
          }
          updated ||= step.kernel === 'optimizer_update';
          for (const name of Object.values(step.writes)) written.add(name);
        }
      }
    }
  });

  it('gives every tensor a place of its own', () => {
    for (const seed of SEEDS) {
      const program = layered(randomSpec(seed));
      for (const slab of SLABS) {
        const own = [...program.tensors.values()].filter((tensor) => tensor.slab === slab);
        const sorted = own.sort((a, b) => a.offset - b.offset);
        for (const [i, { name, offset, size, rows, columns, stride }] of sorted.entries()) {
          expect(offset % 64, name).toBe(0);
          expect(stride % 4, name).toBe(0);
          expect(stride, name).toBeGreaterThanOrEqual(columns);
          expect(size, name).toBeGreaterThanOrEqual(rows * stride);
          expect(offset + size, name).toBeLessThanOrEqual(sorted[i + 1]?.offset ?? program.slabs[slab].all);
        }
        expect(program.slabs[slab].materialised).toBeLessThanOrEqual(program.slabs[slab].all);
      }
      for (const { name, role, offset } of program.tensors.values()) {
        if (role === 'grad') expect(offset).toBe(tensorOf(program, name.replace('grad', 'param')).offset);
      }
    }
  });

  it('is frozen', () => {
    const { lists, slabs } = layered(specOf(network(2, 'relu')));
    expect(() => (lists.train.steps as Step[]).pop()).toThrow(TypeError);
    expect(() => Object.assign(lists.train.steps[0]!, { batch: 1 })).toThrow(TypeError);
    expect(() => Object.assign(slabs.params, { all: 1 })).toThrow(TypeError);
  });
});

describe('rows', () => {
  it("follow the spec's batch size, 'full' or the option", () => {
    const layers = network(2, 'relu');
    expect(layered(specOf(layers)).lists.train.batch).toBe(16);
    expect(layered(specOf(layers, { batchSize: 'full' })).lists.train.batch).toBe(256);
    expect(layered(specOf(layers, { batchSize: 'full' }), { batch: 77 }).lists.train.batch).toBe(77);
  });

  it('of evaluation are more for small batches, and fewer for very wide layers', () => {
    const rows = (width: number, batchSize: number) =>
      layered(specOf([dense(width), dense(3)], { batchSize })).lists.evaluate.batch;
    expect(rows(10, 1)).toBe(256);
    expect(rows(10, 1000)).toBe(1000);
    expect(rows(65_536, 1)).toBe(64);
    expect(rows(65_536, 100)).toBe(100);
  });
});

it('has room in the table of an update for as many layers as a spec may have', () => {
  const layers = [...Array.from({ length: 63 }, () => layerNorm()), dense(1)];
  const program = plan(parseSpec({ inputs: 4, layers, loss: 'meanSquaredError' }));
  const update = program.lists.train.steps.find(({ kernel }) => kernel === 'fused_update')!;
  const table = KERNELS.fused_update.table!(update, (name) => tensorOf(program, name));
  const words = STRUCTS.DenseLayer.size / 4;
  expect(update.dense!.length).toBeGreaterThan(64);
  // The last layer's inputs stand in its row.
  expect(table[(update.dense!.length - 1) * words + STRUCTS.DenseLayer.members.inputs.offset / 4]).toBe(4);
});

describe('bindings', () => {
  it('are at most eight storage buffers a kernel', () => {
    for (const [name, { bindings }] of Object.entries(KERNEL_SHADERS)) {
      const storage = bindings.filter(({ type }) => type !== 'uniform');
      expect(storage.length, name).toBeLessThanOrEqual(8);
    }
  });
});

describe('check', () => {
  const whole = () => structuredClone(layered(specOf(network(3, 'gelu')))) as Program;
  const place = (program: Program, name: string, change: Partial<Tensor>) =>
    Object.assign(tensorOf(program, name), change);

  it('passes whole programs', () => {
    expect(() => check(whole())).not.toThrow();
  });

  it.each<[string, (program: Program) => unknown, RegExp]>([
    [
      'a tensor that is read before it is written',
      ({ lists }) => (lists.train.steps as Step[]).shift(),
      /plan train layers\[1\] fused_forward: reads act\/0 before any step has written it/,
    ],
    [
      'steps in the wrong order',
      ({ lists }) => (lists.evaluate.steps as Step[]).reverse(),
      /plan evaluate metrics reduce_metrics: reads evaluate\/row_metrics before/,
    ],
    [
      'an offset that no binding may have',
      (program) => place(program, 'param/0/weight', { offset: 4 }),
      /param\/0\/weight begins at 4, not a multiple of 64/,
    ],
    [
      'rows of another mini-batch',
      (program) => place(program, 'act/1', { rows: 15 }),
      /act\/1 has 15 rows, expected the 16 of the mini-batch/,
    ],
    [
      'a tensor beyond its slab',
      (program) => place(program, 'act/1', { offset: 64 * 1024 }),
      /act\/1 lies beyond the part of acts that is kept/,
    ],
    [
      'a tensor without a place',
      ({ tensors }) => (tensors as Map<TensorName, Tensor>).delete('act/1' as TensorName),
      /act\/1 has no place/,
    ],
    [
      'data that the kernel does not bind',
      ({ lists }) => Object.assign(lists.train.steps[1]!, { data: ['targets'] }),
      /fused_forward: reads targets but does not bind it/,
    ],
  ])('refuses %s', (_, damage, message) => {
    const program = whole();
    damage(program);
    expect(() => check(program)).toThrow(message);
  });

  it('names the tensors there are when one is asked for that is not', () => {
    expect(() => tensorOf(whole(), 'act/9')).toThrow(/no tensor "act\/9"; it has param\/0\/weight, /);
  });
});

describe('print', () => {
  it('a classifier of digits', () => {
    const spec = parseSpec({
      inputs: 784,
      layers: [dense(128, { activation: 'relu' }), dense(10)],
      loss: 'softmaxCrossEntropy',
      batchSize: 64,
    });
    expect(printProgram(layered(spec))).toMatchInlineSnapshot(`
      "strategy layered
      train: 3 dispatches for 64 rows
        forward fused_forward layers[0]: inputs, param/0/weight [784, 128], param/0/bias [1, 128] → act/0 [64, 128]  4x4/16 grid 128  covers gather_rows, dense_forward, activation_forward
        loss fused_head layers[1], softmaxCrossEntropy: targets, act/0 [64, 128], param/1/weight [128, 10], param/1/bias [1, 10] → d_act/1 [64, 10], row_metrics [64, 4], delta/0 [64, 128]  grid 4  covers dense_forward, loss, dense_backward_input, activation_backward
        update fused_update adam, all layers: inputs, param/0/weight [784, 128], param/0/bias [1, 128], param/1/weight [128, 10], param/1/bias [1, 10], delta/0 [64, 128], act/0 [64, 128], d_act/1 [64, 10], row_metrics [64, 4] → param/0/weight [784, 128], param/0/bias [1, 128], param/1/weight [128, 10], param/1/bias [1, 10]  4x4/2 grid 202  covers gather_rows, dense_backward_weight, dense_backward_weight, optimizer_update, reduce_metrics
      evaluate: 3 dispatches for 256 rows
        forward fused_forward layers[0]: inputs, param/0/weight [784, 128], param/0/bias [1, 128] → evaluate/act/0 [256, 128]  4x4/4 grid 128  covers gather_rows, dense_forward, activation_forward
        loss fused_head layers[1], softmaxCrossEntropy: targets, evaluate/act/0 [256, 128], param/1/weight [128, 10], param/1/bias [1, 10] → evaluate/row_metrics [256, 4]  grid 16  covers dense_forward, loss
        metrics reduce_metrics metrics: evaluate/row_metrics [256, 4] → metrics  grid 1
      infer: 2 dispatches for 256 rows
        forward fused_forward layers[0]: inputs, param/0/weight [784, 128], param/0/bias [1, 128] → infer/act/0 [256, 128]  4x4/4 grid 128  covers gather_rows, dense_forward, activation_forward
        forward fused_forward layers[1]: infer/act/0 [256, 128], param/1/weight [128, 10], param/1/bias [1, 10] → infer/act/1 [256, 10]  4x4/8 grid 24  covers dense_forward"
    `);
    expect(printLine(layered(spec))).toBe('layered, 3 dispatches a step: fused_forward → fused_head → fused_update');
  });

  it('a regression that keeps its pre-activations and ends in an activation', () => {
    const spec = parseSpec({
      inputs: 3,
      layers: [dense(8, { activation: 'gelu', bias: false }), dense(7), dense(1, { activation: 'tanh' })],
      loss: 'meanSquaredError',
      optimizer: { type: 'sgd', momentum: 0.9 },
      batchSize: 5,
    });
    expect(printProgram(layered(spec))).toMatchInlineSnapshot(`
      "strategy layered
      train: 8 dispatches for 5 rows
        forward fused_forward layers[0]: inputs, param/0/weight [3, 8] → pre/0 [5, 8], act/0 [5, 8]  4x4 grid 1  covers gather_rows, dense_forward, activation_forward
        forward fused_forward layers[1]: act/0 [5, 8], param/1/weight [8, 7], param/1/bias [1, 7] → act/1 [5, 7]  4x4 grid 1  covers dense_forward
        forward fused_forward layers[2]: act/1 [5, 7], param/2/weight [7, 1], param/2/bias [1, 1] → act/2 [5, 1]  4x4 grid 1  covers dense_forward, activation_forward
        loss loss meanSquaredError: targets, act/2 [5, 1] → d_act/2 [5, 1], row_metrics [5, 4]  grid 1
        backward activation_backward layers[2]: d_act/2 [5, 1], act/2 [5, 1] → delta/2 [5, 1]  grid 1
        backward fused_delta layers[2]: delta/2 [5, 1], param/2/weight [7, 1] → d_act/1 [5, 7]  4x4 grid 1  covers dense_backward_input
        backward fused_delta layers[1]: d_act/1 [5, 7], param/1/weight [8, 7], pre/0 [5, 8] → delta/0 [5, 8]  4x4 grid 1  covers dense_backward_input, activation_backward
        update fused_update sgd, all layers: inputs, param/0/weight [3, 8], param/1/weight [8, 7], param/1/bias [1, 7], param/2/weight [7, 1], param/2/bias [1, 1], delta/0 [5, 8], act/0 [5, 8], d_act/1 [5, 7], act/1 [5, 7], delta/2 [5, 1], row_metrics [5, 4] → param/0/weight [3, 8], param/1/weight [8, 7], param/1/bias [1, 7], param/2/weight [7, 1], param/2/bias [1, 1]  4x4 grid 4  covers gather_rows, dense_backward_weight, dense_backward_weight, dense_backward_weight, optimizer_update, reduce_metrics
      evaluate: 5 dispatches for 256 rows
        forward fused_forward layers[0]: inputs, param/0/weight [3, 8] → evaluate/act/0 [256, 8]  4x4 grid 2  covers gather_rows, dense_forward, activation_forward
        forward fused_forward layers[1]: evaluate/act/0 [256, 8], param/1/weight [8, 7], param/1/bias [1, 7] → evaluate/act/1 [256, 7]  4x4 grid 2  covers dense_forward
        forward fused_forward layers[2]: evaluate/act/1 [256, 7], param/2/weight [7, 1], param/2/bias [1, 1] → evaluate/act/2 [256, 1]  4x4 grid 1  covers dense_forward, activation_forward
        loss loss meanSquaredError: targets, evaluate/act/2 [256, 1] → evaluate/row_metrics [256, 4]  grid 4
        metrics reduce_metrics metrics: evaluate/row_metrics [256, 4] → metrics  grid 1
      infer: 3 dispatches for 256 rows
        forward fused_forward layers[0]: inputs, param/0/weight [3, 8] → infer/act/0 [256, 8]  4x4 grid 2  covers gather_rows, dense_forward, activation_forward
        forward fused_forward layers[1]: infer/act/0 [256, 8], param/1/weight [8, 7], param/1/bias [1, 7] → infer/act/1 [256, 7]  4x4 grid 2  covers dense_forward
        forward fused_forward layers[2]: infer/act/1 [256, 7], param/2/weight [7, 1], param/2/bias [1, 1] → infer/act/2 [256, 1]  4x4 grid 1  covers dense_forward, activation_forward"
    `);
  });

  it('a plain program', () => {
    const spec = specOf([dense(4, { activation: 'tanh' }), dense(2)], { optimizer: 'sgd' });
    expect(printProgram(plan(spec, { strategy: 'plain' }), ['train', 'infer'])).toMatchInlineSnapshot(`
      "strategy plain
      train: 11 dispatches for 16 rows
        gather gather_rows batch: inputs → batch/x [16, 6]  grid 1
        forward dense_forward layers[0]: batch/x [16, 6], param/0/weight [6, 4], param/0/bias [1, 4] → pre/0 [16, 4]  grid 1
        forward activation_forward layers[0]: pre/0 [16, 4] → act/0 [16, 4]  grid 1
        forward dense_forward layers[1]: act/0 [16, 4], param/1/weight [4, 2], param/1/bias [1, 2] → act/1 [16, 2]  grid 1
        loss loss softmaxCrossEntropy: targets, act/1 [16, 2] → d_act/1 [16, 2], row_metrics [16, 4]  grid 1
        backward dense_backward_weight layers[1]: act/0 [16, 4], d_act/1 [16, 2] → grad/1/weight [4, 2], grad/1/bias [1, 2]  grid 1
        backward dense_backward_input layers[1]: d_act/1 [16, 2], param/1/weight [4, 2] → d_act/0 [16, 4]  grid 1
        backward activation_backward layers[0]: d_act/0 [16, 4], act/0 [16, 4] → delta/0 [16, 4]  grid 1
        backward dense_backward_weight layers[0]: batch/x [16, 6], delta/0 [16, 4] → grad/0/weight [6, 4], grad/0/bias [1, 4]  grid 1
        update optimizer_update sgd: param/0/weight [6, 4], param/0/bias [1, 4], param/1/weight [4, 2], param/1/bias [1, 2], grad/1/weight [4, 2], grad/1/bias [1, 2], grad/0/weight [6, 4], grad/0/bias [1, 4] → param/0/weight [6, 4], param/0/bias [1, 4], param/1/weight [4, 2], param/1/bias [1, 2]  grid 1
        metrics reduce_metrics metrics: row_metrics [16, 4] → metrics  grid 1
      infer: 4 dispatches for 256 rows
        gather gather_rows batch: inputs → infer/batch/x [256, 6]  grid 8
        forward dense_forward layers[0]: infer/batch/x [256, 6], param/0/weight [6, 4], param/0/bias [1, 4] → infer/pre/0 [256, 4]  grid 4
        forward activation_forward layers[0]: infer/pre/0 [256, 4] → infer/act/0 [256, 4]  grid 4
        forward dense_forward layers[1]: infer/act/0 [256, 4], param/1/weight [4, 2], param/1/bias [1, 2] → infer/act/1 [256, 2]  grid 4"
    `);
  });

  it('the same as data', () => {
    const spec = specOf([dense(4, { activation: 'relu' }), dense(2)], { optimizer: 'sgd' });
    const described = describeProgram(layered(spec), 8);
    expect(described).toMatchObject({ strategy: 'layered', dispatchesPerStep: 3, stepsPerSubmit: 8 });
    expect(described.kernels[1]).toMatchInlineSnapshot(`
      {
        "covers": [
          "dense_forward",
          "loss",
          "dense_backward_input",
          "activation_backward",
        ],
        "label": "layers[1], softmaxCrossEntropy",
        "name": "fused_head",
        "reads": [
          "targets",
          "act/0",
          "param/1/weight",
          "param/1/bias",
        ],
        "workgroups": 1,
        "writes": [
          "d_act/1",
          "row_metrics",
          "delta/0",
        ],
      }
    `);
    // forward 6 → 4 → 2 of 16 rows, back through the second layer, both weight gradients: products alone
    const products = 2 * 16 * (24 + 8 + 8 + 24 + 8);
    expect(described.flopsPerStep).toBeGreaterThan(products);
    expect(described.flopsPerStep).toBeLessThan(4 * products);
    expect(described.bytesPerStep).toBeGreaterThan(4 * 16 * 6);
    expect(describeProgram(layered(spec)).stepsPerSubmit).toBe('adaptive');
  });
});
