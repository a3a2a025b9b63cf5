/** `downhill evaluate` and `downhill predict`: a saved model on raw rows. */
import type { DataInput } from '../data/types.ts';
import { DataError } from '../errors.ts';
import { decodeModel, encodeModel } from '../io/model.ts';
import { TARGET_KINDS, TASKS } from '../spec/losses.ts';
import { parseMetrics } from '../spec/metrics.ts';
import { outputs, type Spec } from '../spec/spec.ts';
import { type DataFlags, loadForModel, readBytes } from './data.ts';
import { EXIT } from './errors.ts';
import { readMetrics } from './metrics.ts';
import type { Output } from './output.ts';
import { metricsLine } from './report.ts';
import { type BackendName, chooseRunner } from './runner.ts';

export interface ModelFlags extends DataFlags {
  backend: BackendName;
  /** What to tell instead of the metrics of the model. */
  metrics?: string;
  /** Print probabilities instead of class names. */
  probabilities?: boolean;
  /** Takes the moving averages of the weights. */
  averaged?: boolean;
}

const averagedOf = ({ averaged }: ModelFlags) => (averaged ? { averaged } : {});

/** Prints loss and metrics on all rows. */
export async function evaluate(file: string, flags: ModelFlags, output: Output, started: () => void): Promise<number> {
  let model = await readBytes(file);
  const read = decodeModel(model, file);
  if (flags.metrics !== undefined) {
    const { metrics: _, ...spec } = read.spec;
    const metrics = parseMetrics(readMetrics(flags.metrics), spec, '--metrics')!;
    model = encodeModel({ ...read, spec: { ...spec, metrics } });
  }
  const { y, ...rows } = await loadForModel(read.spec, flags);
  if (y === undefined) {
    throw new DataError('data/target', `${flags.data}: has no target column; evaluate needs one, predict does not.`);
  }
  const { runner, reason } = await chooseRunner(flags.backend);
  try {
    output.say(`backend: ${runner.backend}: ${reason}`);
    const data: DataInput = { ...rows, y };
    const { adapter, metrics } = await runner.run({ kind: 'evaluate', model, data, ...averagedOf(flags) });
    started();
    const { backend } = runner;
    if (output.json) output.event({ event: 'done', backend, adapter, reason, test: metrics });
    else output.result(metricsLine(metrics));
    return EXIT.done;
  } finally {
    await runner.close();
  }
}

/** Prints one line a row: the class, or the values. */
export async function predict(file: string, flags: ModelFlags, output: Output, started: () => void): Promise<number> {
  const model = await readBytes(file);
  const { spec } = decodeModel(model, file);
  const { x } = await loadForModel(spec, flags);
  const { runner, reason } = await chooseRunner(flags.backend);
  try {
    output.say(`backend: ${runner.backend}: ${reason}`);
    const { values } = await runner.run({ kind: 'predict', model, x, ...averagedOf(flags) });
    started();
    const width = outputs(spec);
    const lines: string[] = [];
    for (let row = 0; row * width < values.length; row++) {
      const numbers = values.subarray(row * width, (row + 1) * width);
      const name = className(spec, numbers);
      const cells = [...numbers].map(String);
      if (output.json)
        lines.push(JSON.stringify({ row, ...(name !== undefined && { class: name }), values: [...numbers] }));
      else lines.push(name === undefined || flags.probabilities ? cells.join(' ') : name);
    }
    if (lines.length > 0) output.result(lines.join('\n'));
    return EXIT.done;
  } finally {
    await runner.close();
  }
}

/** The most probable class; nothing where the model predicts numbers, or several answers of yes and no. */
function className(spec: Spec, values: Float32Array): string | undefined {
  const task = TASKS[spec.loss.type];
  if (task !== 'classes' && (task !== 'binary' || values.length > 1)) return undefined;
  const border = TARGET_KINDS[spec.loss.type] === 'sign' ? 0 : 0.5;
  const best = task === 'binary' ? Number(values[0]! > border) : values.indexOf(Math.max(...values));
  return spec.preprocessing.classes?.[best] ?? String(best);
}
