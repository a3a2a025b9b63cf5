/** What predictions for rows with known targets say: which were taken for what, and which are furthest off. */
import type { Rows } from '../../data/types.ts';
import { TASKS } from '../../spec/losses.ts';
import { outputs, type Spec } from '../../spec/spec.ts';

/** One class a row. */
export interface JudgedClasses {
  readonly kind: 'classes';
  readonly names: readonly string[];
  /** Rows by true and predicted class, row-major [classes, classes]. */
  readonly confusion: Uint32Array;
  readonly wrong: number;
  /** The surest first. */
  readonly mistakes: readonly ClassMistake[];
}
export interface ClassMistake {
  readonly row: number;
  readonly truth: string;
  readonly predicted: string;
  /** The predicted class's probability; absent where the loss gives none. */
  readonly probability?: number;
}

/** One number a row. */
export interface JudgedValues {
  readonly kind: 'values';
  readonly truth: Float32Array;
  readonly predicted: Float32Array;
  /** The furthest off first. */
  readonly mistakes: readonly ValueMistake[];
}
export interface ValueMistake {
  readonly row: number;
  readonly truth: number;
  readonly predicted: number;
}

/** Mistakes that are shown. */
const SHOWN = 16;

/**
 * @param predictions as `Trainer.predict` gives them, [rows, outputs]
 * @returns nothing where a row has neither one class nor one number
 */
export function judge(
  spec: Spec,
  { y, count }: Rows,
  predictions: Float32Array,
): JudgedClasses | JudgedValues | undefined {
  const width = outputs(spec);
  const task = TASKS[spec.loss.type];
  if (task === 'classes') {
    const truth = (row: number) => (y instanceof Uint32Array ? y[row]! : largest(y, row, width));
    const predicted = (row: number) => largest(predictions, row, width);
    return judgeClasses(spec, count, width, truth, predicted, (row, of) => predictions[row * width + of]!);
  }
  if (width !== 1 || y.length !== count) return undefined;
  if (task === 'binary') {
    const probabilities = spec.loss.type === 'sigmoidBinaryCrossEntropy';
    const border = probabilities ? 0.5 : 0;
    const truth = (row: number) => Number(y[row]! > border);
    const predicted = (row: number) => Number(predictions[row]! > border);
    const score = (row: number) => (predicted(row) === 1 ? predictions[row]! : 1 - predictions[row]!);
    return judgeClasses(spec, count, 2, truth, predicted, probabilities ? score : undefined);
  }
  if (task !== 'regression') return undefined;
  const truth = Float32Array.from(y);
  const rows = Array.from({ length: count }, (_, row) => ({ row, truth: truth[row]!, predicted: predictions[row]! }));
  const error = (row: ValueMistake) => Math.abs(row.predicted - row.truth);
  return {
    kind: 'values',
    truth,
    predicted: predictions,
    mistakes: rows.sort((a, b) => error(b) - error(a)).slice(0, SHOWN),
  };
}

function judgeClasses(
  spec: Spec,
  count: number,
  classes: number,
  truthOf: (row: number) => number,
  predictedOf: (row: number) => number,
  probabilityOf?: (row: number, predicted: number) => number,
): JudgedClasses {
  const names = Array.from({ length: classes }, (_, i) => spec.preprocessing.classes?.[i] ?? String(i));
  const confusion = new Uint32Array(classes * classes);
  const mistakes: ClassMistake[] = [];
  for (let row = 0; row < count; row++) {
    const [truth, predicted] = [truthOf(row), predictedOf(row)];
    confusion[truth * classes + predicted]!++;
    if (truth === predicted) continue;
    const probability = probabilityOf?.(row, predicted);
    const words = { row, truth: names[truth]!, predicted: names[predicted]! };
    mistakes.push({ ...words, ...(probability !== undefined && { probability }) });
  }
  mistakes.sort((a, b) => (b.probability ?? 0) - (a.probability ?? 0));
  return { kind: 'classes', names, confusion, wrong: mistakes.length, mistakes: mistakes.slice(0, SHOWN) };
}

/** The place of a row's largest value. */
function largest(values: ArrayLike<number>, row: number, width: number): number {
  let best = 0;
  for (let i = 1; i < width; i++) if (values[row * width + i]! > values[row * width + best]!) best = i;
  return best;
}
