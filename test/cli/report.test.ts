/** A run's report: one file that needs nothing else, says what is known, and can be watched while it is made. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { bitmapUrl } from '../../src/cli/report/bitmap.ts';
import { type JudgedClasses, type JudgedValues, judge } from '../../src/cli/report/judge.ts';
import { type Report, renderReport } from '../../src/cli/report/page.ts';
import { Watch } from '../../src/cli/report/watch.ts';
import { encodeRows } from '../../src/data/encode.ts';
import type { DataInput } from '../../src/data/types.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';

const classes: SpecInput = {
  inputs: 64,
  layers: [{ type: 'dense', units: 3 }],
  loss: 'softmaxCrossEntropy',
  optimizer: 'sgd',
  preprocessing: { classes: ['ant', '<bee>', 'cat'] },
};
const rows: DataInput = { x: Uint8Array.from({ length: 4 * 64 }, (_, i) => i), y: ['ant', '<bee>', 'cat', 'cat'] };
/** Right, wrong, surely wrong, right. */
const predictions = Float32Array.of(0.8, 0.1, 0.1, 0.5, 0.3, 0.2, 0.96, 0.03, 0.01, 0, 0, 1);

function report(more: Partial<Report> = {}): string {
  return renderReport({
    title: '<b>',
    facts: [['data', 'a & b']],
    total: 3,
    losses: { step: [1, 2, 3], loss: [3, 2, 1], learningRate: [1, 1, 1] },
    norms: [],
    epochs: [],
    train: { loss: 0.25, accuracy: 0.5 },
    spec: parseSpec(classes),
    ...more,
  });
}

const tested = (input: SpecInput, data: DataInput, values: Float32Array) => {
  const spec = parseSpec(input);
  return { spec, tested: { rows: data, judged: judge(spec, encodeRows(spec, data, 'rows'), values)! } };
};

describe('the page', () => {
  test('keeps markup in names harmless, and draws every loss', () => {
    const page = report();
    expect(page).toContain('<h1>&lt;b&gt;</h1>');
    expect(page).toContain('a &amp; b');
    expect(page).toContain('50.00 %');
    expect(/<polyline points="([^"]*)"/.exec(page)![1]!.split(' ')).toHaveLength(3);
  });

  test('needs nothing else, and allows its own style alone', () => {
    const page = report(tested(classes, rows, predictions));
    expect(page).not.toMatch(/<script|https?:\/\/|NaN|undefined| style="/);
    const style = /<style>([\s\S]*)<\/style>/.exec(page)![1]!;
    expect(page).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
  });

  test('leaves out losses that are no numbers', () => {
    const page = report({ losses: { step: [1, 2, 3], loss: [3, Number.NaN, 1], learningRate: [1, 0.5, 0.1] } });
    expect(/<polyline points="([^"]*)"/.exec(page)![1]!.split(' ')).toHaveLength(2);
    expect(page).not.toContain('NaN');
  });

  test('says that nothing was done where nothing was', () => {
    expect(report({ losses: { step: [], loss: [], learningRate: [] } })).toContain('No steps.');
  });

  test('draws metrics of the validation rows, one plot each', () => {
    const validation = { loss: 0.5, accuracy: 0.75 };
    const page = report({ epochs: [{ epoch: 0, step: 2, loss: 1, validation }] });
    expect(page).toContain('validation loss</title>');
    expect(page).toContain('<h2>Validation accuracy</h2>');
    expect(report()).not.toContain('Validation accuracy');
  });

  test('draws norms of weights, and names gradients that vanish', () => {
    const norms = [1, 2, 3].map((norm) => ({
      'layers.0.weight': norm * 1e-6,
      'layers.1.weight': norm,
      'layers.1.bias': 1,
    }));
    const page = report({ norms });
    expect(page).toContain('<b>vanishing</b> layers.0.weight');
    expect(page).toContain('<title>layers.1.weight</title>');
    expect(page).not.toContain('layers.1.bias');
    expect(report()).not.toContain('Gradients');
  });

  test('counts true classes by row, and shows the surest mistakes first, as pictures', () => {
    const page = report(tested(classes, rows, predictions));
    const cells = [...page.matchAll(/<td class="[^"]*" title="([^"]*)">(\d+)<\/td>/g)].map(([, words, count]) => [
      words,
      count,
    ]);
    expect(cells).toHaveLength(9);
    expect(cells[3]).toEqual(['&lt;bee&gt;, taken for ant: 1 of 1', '1']);
    expect(cells[8]).toEqual(['cat, taken for cat: 1 of 2', '1']);
    expect(page).toContain('2 of 4 rows are wrong');
    const order = [...page.matchAll(/alt="test row (\d+)"/g)].map(([, row]) => row);
    expect(order).toEqual(['2', '1']);
    expect(page).toContain('<b>cat</b> as ant, 96.0 %');
  });
});

test('rows count by their weights, and not where they have none', () => {
  const weighed = { ...rows, sampleWeight: [1, 0.5, 0, 2.25] };
  const page = report(tested(classes, weighed, predictions));
  expect(page).toContain('in sums of the weights of their rows');
  expect(page).toContain('1 of 3 rows are wrong');
  expect(page).toContain('title="&lt;bee&gt;, taken for ant: 0.5 of 0.5">0.5</td>');
  expect(page).toContain('title="cat, taken for ant: 0 of 2.25">0</td>');
  expect(page).not.toContain('test row 2');
  const missing = { ...rows, y: [0, 1, -1, 2] };
  const spec: SpecInput = { ...classes, preprocessing: {}, maskTargets: true };
  expect(tested(spec, missing, predictions).tested.judged).toMatchObject({
    count: 3,
    wrong: 1,
    mistakes: [{ row: 1 }],
  });
  expect(report(tested(classes, rows, predictions))).not.toContain('weights of their rows');
});

describe('what came out', () => {
  const base = { inputs: 1, layers: [{ type: 'dense', units: 1 }], optimizer: 'sgd' } as const;
  const x = [[1], [2], [3]];

  test('of two classes is judged at a half, or for a hinge at 0', () => {
    const { tested: sigmoid } = tested(
      { ...base, loss: 'sigmoidBinaryCrossEntropy' },
      { x, y: [0, 1, 1] },
      Float32Array.of(0.4, 0.3, 0.9),
    );
    expect(sigmoid.judged).toMatchObject({
      kind: 'classes',
      wrong: 1,
      mistakes: [{ row: 1, truth: '1', predicted: '0' }],
    });
    expect((sigmoid.judged as JudgedClasses).mistakes[0]!.probability).toBeCloseTo(0.7, 6);
    const { tested: hinge } = tested({ ...base, loss: 'hinge' }, { x, y: [0, 1, 1] }, Float32Array.of(-0.4, 0.3, -0.1));
    expect(hinge.judged).toMatchObject({
      kind: 'classes',
      wrong: 1,
      mistakes: [{ row: 2, truth: '1', predicted: '0' }],
    });
  });

  test('of numbers is drawn over the truth, the furthest off in a table', () => {
    const data = { x, y: [1, 2, 3] };
    const { spec, tested: values } = tested({ ...base, loss: 'meanSquaredError' }, data, Float32Array.of(1, 4, 2.5));
    expect((values.judged as JudgedValues).mistakes.map(({ row }) => row)).toEqual([1, 2, 0]);
    const page = report({ spec, tested: values });
    expect(page.match(/class="dot"/g)).toHaveLength(3);
    expect(page).toContain('Furthest off');
    const some = { ...data, sampleWeight: [1, 0, 3] };
    const { tested: counted } = tested({ ...base, loss: 'meanSquaredError' }, some, Float32Array.of(1, 4, 2.5));
    expect(counted.judged).toMatchObject({ truth: Float32Array.of(1, 3), predicted: Float32Array.of(1, 2.5) });
    expect((counted.judged as JudgedValues).mistakes.map(({ row }) => row)).toEqual([2, 0]);
  });
});

test('a picture lies in its bitmap top row first, lines padded to four', () => {
  const bytes = Buffer.from(bitmapUrl([1, 2, 3, 4, 5, 6], 3).split(',')[1]!, 'base64');
  expect(bytes.subarray(0, 2).toString()).toBe('BM');
  expect(bytes.readUInt32LE(2)).toBe(bytes.length);
  expect([bytes.readInt32LE(18), bytes.readInt32LE(22)]).toEqual([3, -2]);
  expect([...bytes.subarray(bytes.readUInt32LE(10))]).toEqual([1, 2, 3, 0, 4, 5, 6, 0]);
});

test('the page that is watched gets what is new, then the end', async () => {
  let shown = '<p>first</p>';
  const watch = new Watch(() => shown);
  const address = await watch.open(0);
  const page = await fetch(address);
  expect(page.headers.get('content-type')).toContain('text/html');
  expect(await page.text()).toContain("new EventSource('events')");
  expect((await fetch(new URL('/other/', address))).status).toBe(404);
  const events = await fetch(`${address}events`);
  const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toBe('data: "<p>first</p>"\n\n');
  shown = '<p>last\nline</p>';
  const closed = watch.close();
  let rest = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
  await closed;
  expect(rest).toBe('data: "<p>last\\nline</p>"\n\nevent: end\ndata:\n\n');
  const taken = new Watch(() => '');
  const port = Number(new URL(await taken.open(0)).port);
  await expect(new Watch(() => '').open(port)).rejects.toThrow(`--watch: port ${port} cannot be had (EADDRINUSE)`);
  await taken.close();
});
