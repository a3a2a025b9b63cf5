/** Metrics that a spec asks for: scikit-learn's numbers, what is refused, and when something is counted. */
import { describe, expect, test } from 'vitest';
import { meanOf, r2, spreadOf } from '../../src/math/metrics.ts';
import { plan } from '../../src/plan/plan.ts';
import { STRATEGIES } from '../../src/plan/program.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { checkMeasured, dataOf, MEASURED, passOn, specOf } from '../support/measured.ts';

const SPEC: SpecInput = { inputs: 2, layers: [dense(4), dense(3)], loss: 'softmaxCrossEntropy', batchSize: 8 };
const data = {
  x: Float32Array.from({ length: 40 }, (_, i) => Math.sin(i)),
  y: Array.from({ length: 20 }, (_, i) => i % 3),
};

describe('the formulas of scikit-learn', () => {
  test.each(MEASURED)('$name', async (own) => {
    const trainer = await createTrainer(specOf(own), { backend: 'cpu' });
    await passOn(trainer);
    checkMeasured(own, { ...(await trainer.evaluate(dataOf(own))) });
    await trainer.dispose();
  });

  test('what is not defined is NaN', () => {
    expect(meanOf([Number.NaN])).toBeNaN();
    expect(meanOf([Number.NaN, 2])).toBe(2);
    expect(r2(1, spreadOf([[3, 1]]))).toBeNaN();
    expect(
      r2(
        0,
        spreadOf([
          [0.1, 1],
          [0.1, 0.3],
          [0.1, 2],
        ]),
      ),
    ).toBe(1);
  });
});

describe('a spec with metrics', () => {
  test.each([
    [{ metrics: ['acuracy'] }, /metrics\[0\]: unknown metric "acuracy".*"accuracy"/],
    [{ metrics: 'f1' }, /metrics: expected a list such as \['accuracy', 'f1'\], got "f1"/],
    [{ metrics: ['f1', 'r2'] }, /metrics\[1\]: got r2 with the loss softmaxCrossEntropy, expected one of accuracy/],
    [
      { metrics: ['f1'], loss: 'meanSquaredError' },
      /got f1 with the loss meanSquaredError, expected one of r2, mae, rmse/,
    ],
    [{ metrics: [{ type: 'topK', k: 4 }] }, /got topK with k 4, expected at most the 3 classes/],
    [{ metrics: ['f1', { type: 'f1', average: 'micro' }, 'f1'] }, /metrics\[2\]: got f1 a second time/],
    [{ metrics: ['confusion'], loss: 'sigmoidBinaryCrossEntropy' }, /confusion with .* 3 outputs/],
    [{ metrics: [{ type: 'recall', average: 'mean' }] }, /average: expected one of macro, micro, weighted, got "mean"/],
    [{ metrics: ['f1'], layers: [dense(4097)] }, /got f1 with 4097 classes, expected at most 4096/],
  ])('refuses %j', (more, message) => {
    expect(() => parseSpec({ ...SPEC, ...more } as SpecInput)).toThrow(message);
  });

  test('is saved with the model; none is as before', async () => {
    const metrics = ['f1', { type: 'topK', k: 2 }] as const;
    const trainer = await createTrainer({ ...SPEC, metrics }, { backend: 'cpu' });
    const loaded = await loadTrainer(await trainer.save(), { backend: 'cpu' });
    expect(loaded.spec.metrics).toEqual([{ type: 'f1' }, { type: 'topK', k: 2 }]);
    expect(await loaded.evaluate(data)).toEqual(await trainer.evaluate(data));
    expect(Object.keys(await loaded.evaluate(data))).toEqual(['loss', 'accuracy', 'f1', 'top2']);
    expect('metrics' in parseSpec(SPEC)).toBe(false);
    expect('metrics' in parseSpec({ ...SPEC, metrics: [] })).toBe(false);
  });

  test('stands in the events and the history of a training', async () => {
    const trainer = await createTrainer({ ...SPEC, metrics: ['f1', 'auc', 'confusion'] }, { backend: 'cpu' });
    const seen: unknown[] = [];
    const onEpoch = ({ validation }: { validation?: object }) => seen.push(validation);
    const { epochs } = await trainer.fit(data, { epochs: 2, validationData: data, onEpoch });
    expect(epochs.map(({ validation }) => validation)).toEqual(seen);
    expect(epochs[1]!.validation).toEqual(await trainer.evaluate(data));
    expect(epochs[1]!.validation!.confusion!.flat().reduce((a, b) => a + b, 0)).toBe(20);
  });

  test.each(STRATEGIES)('trains in %s by the same steps', (strategy) => {
    const steps = (metrics: SpecInput['metrics']) =>
      JSON.stringify(plan(parseSpec({ ...SPEC, ...(metrics && { metrics }) }), { strategy }).lists.train.steps);
    expect(steps(['f1', 'auc', { type: 'topK', k: 1 }])).toBe(steps(undefined));
  });

  test('evaluations that are under way at once do not count for each other', async () => {
    const trainer = await createTrainer({ ...SPEC, metrics: ['confusion'] }, { backend: 'cpu' });
    // Several mini-batches, so that one waits in the middle.
    const many = {
      x: Float32Array.from({ length: 1400 }, (_, i) => Math.sin(i)),
      y: Uint8Array.from({ length: 700 }, (_, i) => i % 3),
    };
    const alone = await trainer.evaluate(many);
    const three = await Promise.all([1, 2, 3].map(() => trainer.evaluate(many)));
    expect(three).toEqual([alone, alone, alone]);
    await expect(trainer.evaluate(many, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    expect(await trainer.evaluate(many)).toEqual(alone);
  });
});
