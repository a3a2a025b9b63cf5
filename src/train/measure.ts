/** The metrics of an evaluation, from what the executor counted and kept: read at its end, all at once. */
import type { Rows } from '../data/types.ts';
import { argMax, yesAbove } from '../math/loss.ts';
import * as math from '../math/metrics.ts';
import { SCORES, TABLE } from '../plan/measure.ts';
import { type Program, tensorOf } from '../plan/program.ts';
import type { Executor } from '../run/executor.ts';
import { TASKS } from '../spec/losses.ts';
import { type Metric, metricKey, wantedOf } from '../spec/metrics.ts';
import { outputs, type Spec, targets } from '../spec/spec.ts';

/** What came of the rows of one model. */
interface Measured {
  /** What was counted: `TABLE`. */
  readonly table: Float64Array;
  /** The network's outputs, one row behind the other; none where nobody asked. */
  readonly scores: Float32Array;
  /** The rows in the order in which they came, by their places in the data. */
  readonly places: ArrayLike<number>;
}

/** Collects what comes of several models. */
export class Measures {
  readonly models: readonly Measured[];
  readonly #executor: Executor;
  readonly #program: Program;

  /** @param places the rows of every model */
  constructor(executor: Executor, program: Program, places: readonly ArrayLike<number>[]) {
    this.#executor = executor;
    this.#program = program;
    const { scores } = wantedOf(program.spec);
    const length = this.#counts ? tensorOf(program, TABLE).rows * tensorOf(program, TABLE).columns : 0;
    this.models = places.map((own) => ({
      table: new Float64Array(length),
      scores: new Float32Array(scores ? own.length * program.outputs : 0),
      places: own,
    }));
  }

  get #counts(): boolean {
    const { counts, ranks, errors } = wantedOf(this.#program.spec);
    return counts || ranks || errors;
  }

  /**
   * Reads what the runs so far have left of these models, whose rows from the `from`th on it is; the next run begins anew.
   * Everything is asked for before the call returns.
   */
  async read(models: readonly number[], from: number): Promise<void> {
    const read = (wanted: boolean, name: string) =>
      Promise.all(wanted ? models.map((model) => this.#executor.read(name, model)) : []);
    const [tables, kept] = await Promise.all([
      read(this.#counts, TABLE),
      read(wantedOf(this.#program.spec).scores, SCORES),
    ]);
    for (const [slice, { table, scores }] of this.models.entries()) {
      for (let i = 0; i < table.length; i++) table[i] = table[i]! + tables[slice]![i]!;
      const own = scores.subarray(from * this.#program.outputs);
      if (own.length > 0) own.set(kept[slice]!.subarray(0, own.length));
    }
  }
}

/** The metrics that the spec asks for, beside those that every evaluation has. */
export function metricsOf(spec: Spec, rows: Rows, measured: Measured): Record<string, number | number[][]> {
  const asked = (spec.metrics ?? []).filter(({ type }) => type !== 'accuracy');
  const value =
    TASKS[spec.loss.type] === 'regression' ? ofErrors(spec, rows, measured) : ofClasses(spec, rows, measured);
  return Object.fromEntries(asked.map((metric) => [metricKey(metric), value(metric)]));
}

function ofErrors(spec: Spec, rows: Rows, { table, places }: Measured): (metric: Metric) => number {
  const all = Array.from({ length: targets(spec) }, (_, target) => ({
    ...math.spreadOf(countedTargets(spec, rows, places, target)),
    absolute: table[target * 4]!,
    squared: table[target * 4 + 1]!,
  }));
  return ({ type }) => {
    if (type === 'r2') return math.meanOf(all.map((own) => math.r2(own.squared, own)));
    if (type === 'mae') return math.meanOf(all.map(({ absolute, weight }) => absolute / weight));
    return math.meanOf(all.map(({ squared, weight }) => Math.sqrt(squared / weight)));
  };
}

function ofClasses(spec: Spec, rows: Rows, measured: Measured): (metric: Metric) => number | number[][] {
  const width = outputs(spec);
  const table = (row: number, columns: number) =>
    Array.from(measured.table.subarray(row * columns, (row + 1) * columns));
  const binary = TASKS[spec.loss.type] === 'binary';
  const halves = ([noNo, noYes, yesNo, yesYes]: number[]) => [
    [noNo!, noYes!],
    [yesNo!, yesYes!],
  ];
  const matrix = () =>
    binary ? halves(table(0, 4)) : Array.from({ length: width }, (_, truth) => table(truth, width));
  return (metric) => {
    if (metric.type === 'confusion') return matrix();
    if (metric.type === 'topK') return math.shareOfTop(Array.from(measured.table.subarray(-width)), metric.k);
    if (metric.type === 'auc') return math.meanOf(rankings(spec, rows, measured).map(math.areaUnderRoc));
    if (metric.type !== 'precision' && metric.type !== 'recall' && metric.type !== 'f1') return Number.NaN;
    const { type, average = 'macro' } = metric;
    // Several targets, each a yes or no: every one is a class of its own.
    if (binary && width > 1) {
      const hits = Array.from({ length: width }, (_, target) => math.hitsOf(halves(table(target, 4)))[1]!);
      return math.ratio(type, hits, average);
    }
    const hits = math.hitsOf(matrix());
    // Of two classes the second is meant, unless an average is named.
    if (hits.length === 2 && !metric.average) return math.ratio(type, hits.slice(1), average);
    return math.ratio(
      type,
      hits.filter(({ taken, all }) => taken > 0 || all > 0),
      average,
    );
  };
}

/** The value and the weight of a target in every row where it counts. */
function countedTargets(
  spec: Spec,
  { y, count, weights }: Rows,
  places: ArrayLike<number>,
  target: number,
): [value: number, weight: number, place: number][] {
  const [width, columns] = [y.length / count, (weights?.length ?? 0) / count];
  const single = targets(spec) === 1;
  return Array.from({ length: places.length }, (_, place): [number, number, number] => {
    const row = places[place]!;
    const value = y instanceof Uint32Array && !single ? Number(y[row] === target) : y[row * width + target]!;
    return [value, weights ? weights[(row + 1) * columns - 1]! : 1, place];
  }).filter(([value, weight]) => weight > 0 && !Number.isNaN(value));
}

/** Classes one against the rest; the second alone of two; every target that is a yes or no. */
function rankings(spec: Spec, rows: Rows, { scores, places }: Measured): math.Ranking[] {
  const width = outputs(spec);
  const binary = TASKS[spec.loss.type] === 'binary';
  const ordered = Float64Array.from(scores);
  if (!binary) for (let i = 0; i < ordered.length; i += width) math.logProbabilities(ordered.subarray(i, i + width));
  const classes = Array.from({ length: width }, (_, j) => j).slice(!binary && width === 2 ? 1 : 0);
  return classes.map((j) => {
    const counted = countedTargets(spec, rows, places, j);
    const isYes = (value: number, place: number) =>
      binary ? value > yesAbove(spec.loss) : truthOf(rows, places[place]!, width) === j;
    return {
      scores: Float64Array.from(counted, ([, , place]) => ordered[place * width + j]!),
      yes: Uint8Array.from(counted, ([value, , place]) => Number(isYes(value, place))),
      weights: Float64Array.from(counted, ([, weight]) => weight),
    };
  });
}

/** The class of a row. */
const truthOf = ({ y }: Rows, row: number, width: number): number =>
  y instanceof Uint32Array ? y[row]! : argMax(y.subarray(row * width, (row + 1) * width));
