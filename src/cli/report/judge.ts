/** What predictions for rows with known targets say: which were taken for what, and which are furthest off. */
import type { Rows } from '../../data/types.ts';
import { massOf } from '../../data/weights.ts';
import { TASKS } from '../../spec/losses.ts';
import { outputs, type Spec } from '../../spec/spec.ts';

/** One class a row. */
export interface JudgedClasses {
  readonly kind: 'classes';
  readonly names: readonly string[];
  /** Rows by true and predicted class, by their weights, row-major [classes, classes]: as the metric `confusion` has it. */
  readonly confusion: Float64Array;
  /** Whether rows have weights beside 0 and 1. */
  readonly weighted: boolean;
  /** Rows that count, and how many of them are wrong. */
  readonly count: number;
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
 * Rows that do not count, by their weight or for want of a target, are left out.
 * @param predictions as `Trainer.predict` gives them, [rows, outputs]
 * @returns nothing where a row has neither one class nor one number
 */
export function judge(spec: Spec, rows: Rows, predictions: Float32Array): JudgedClasses | JudgedValues | undefined {
  const { y, count } = rows;
  const mass = massOf(rows, 'evaluate');
  const width = outputs(spec);
  const task = TASKS[spec.loss.type];
  if (task === 'classes') {
    const truth = (row: number) => (y instanceof Uint32Array ? y[row]! : largest(y, row, width));
    const predicted = (row: number) => largest(predictions, row, width);
    return judgeClasses(spec, { count, mass, classes: width, truth, predicted }, (row, of) => {
      return predictions[row * width + of]!;
    });
  }
  if (width !== 1 || y.length !== count) return undefined;
  if (task === 'binary') {
    const probabilities = spec.loss.type === 'sigmoidBinaryCrossEntropy';
    const border = probabilities ? 0.5 : 0;
    const truth = (row: number) => Number(y[row]! > border);
    const predicted = (row: number) => Number(predictions[row]! > border);
    const score = (row: number) => (predicted(row) === 1 ? predictions[row]! : 1 - predictions[row]!);
    return judgeClasses(spec, { count, mass, classes: 2, truth, predicted }, probabilities ? score : undefined);
  }
  if (task !== 'regression') return undefined;
  const counted = Array.from({ length: count }, (_, row) => row).filter((row) => mass?.[row] !== 0);
  const values = counted.map((row) => ({ row, truth: y[row]!, predicted: predictions[row]! }));
  const error = (row: ValueMistake) => Math.abs(row.predicted - row.truth);
  return {
    kind: 'values',
    truth: Float32Array.from(values, (own) => own.truth),
    predicted: Float32Array.from(values, (own) => own.predicted),
    mistakes: values.sort((a, b) => error(b) - error(a)).slice(0, SHOWN),
  };
}

interface Classified {
  count: number;
  /** How much each row counts; absent where all count the same. */
  mass: Float64Array | undefined;
  classes: number;
  truth(row: number): number;
  predicted(row: number): number;
}

function judgeClasses(
  spec: Spec,
  { count, mass, classes, truth: truthOf, predicted: predictedOf }: Classified,
  probabilityOf?: (row: number, predicted: number) => number,
): JudgedClasses {
  const names = Array.from({ length: classes }, (_, i) => spec.preprocessing.classes?.[i] ?? String(i));
  const confusion = new Float64Array(classes * classes);
  const mistakes: ClassMistake[] = [];
  let counted = 0;
  for (let row = 0; row < count; row++) {
    const weight = mass?.[row] ?? 1;
    if (weight === 0) continue;
    counted++;
    const [truth, predicted] = [truthOf(row), predictedOf(row)];
    confusion[truth * classes + predicted]! += weight;
    if (truth === predicted) continue;
    const probability = probabilityOf?.(row, predicted);
    const words = { row, truth: names[truth]!, predicted: names[predicted]! };
    mistakes.push({ ...words, ...(probability !== undefined && { probability }) });
  }
  mistakes.sort((a, b) => (b.probability ?? 0) - (a.probability ?? 0));
  const wrong = mistakes.length;
  const weighted = mass?.some((weight) => weight !== 0 && weight !== 1) ?? false;
  return { kind: 'classes', names, confusion, weighted, count: counted, wrong, mistakes: mistakes.slice(0, SHOWN) };
}

/** The place of a row's largest value. */
function largest(values: ArrayLike<number>, row: number, width: number): number {
  let best = 0;
  for (let i = 1; i < width; i++) if (values[row * width + i]! > values[row * width + best]!) best = i;
  return best;
}
