/** Rows that a training holds out: the others train, and they are validated, to the bits of two data sets. */
import { takeRows } from '../../src/data/rows.ts';
import { split } from '../../src/data/split.ts';
import type { DataInput } from '../../src/data/types.ts';
import { dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import type { FitOptions, Runtime } from '../../src/train/types.ts';
import type { ContractCase } from '../support/contract-runner.ts';
import { randomRows } from './data.ts';

const SPEC: SpecInput = {
  inputs: 4,
  layers: [dense(6, { activation: 'tanh' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.05 },
  batchSize: 16,
  seed: 4,
};
const COUNT = 61;
const HOLDOUT = 0.3;
const { x, y } = randomRows({ count: COUNT, width: 4, outputs: 3, input: 'f32', target: 'class' });
const DATA: DataInput = { x, y, sampleWeight: Float32Array.from({ length: COUNT }, (_, i) => ((i * 5) % 11) / 4) };

async function trained(runtime: Runtime, data: DataInput, options: FitOptions): Promise<string> {
  const trainer = await createTrainer(SPEC, runtime);
  try {
    const { epochs } = await trainer.fit(data, { epochs: 3, ...options });
    for (const { loss, validation } of epochs) {
      if (!(validation!.loss > 0) || validation!.loss === loss) throw new Error(`validated: ${validation!.loss}`);
    }
    return JSON.stringify([epochs, [...(await trainer.save())]]);
  } finally {
    await trainer.dispose();
  }
}

export const heldOutCases: ContractCase[] = (['resident', 'row-fused', 'layered', 'plain'] as const).map(
  (strategy): ContractCase => ({
    group: 'rows held out',
    name: `train and validate as two data sets would, ${strategy}`,
    ...(strategy !== 'layered' && { runtimes: ['cpu', 'dawn'] as const }),
    run: async ({ gpu }) => {
      const runtime: Runtime = { ...(gpu ? { gpu } : { backend: 'cpu' }), strategy, tune: false };
      const parts = split(COUNT, { holdout: HOLDOUT, by: 'random', seed: SPEC.seed! });
      const [own, validationData] = [parts.train, parts.test].map((rows) => takeRows(DATA, COUNT, rows) as DataInput);
      const expected = await trained(runtime, own!, { validationData: validationData! });
      const got = await trained(runtime, DATA, { validationSplit: HOLDOUT });
      if (got !== expected) throw new Error(`got ${got.slice(0, 400)}, expected ${expected.slice(0, 400)}`);
    },
  }),
);
