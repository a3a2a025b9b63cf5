/**
 * How far a GPU's step may be off: running error bounds (Higham, Accuracy and Stability of Numerical Algorithms, 3.3),
 * carried through the base steps that it stands for, from the values that the plain loops got.
 */
import type { Step, TensorName } from '../../src/kernels/kernel.ts';
import { ACTIVATION_MATH, activationParameter } from '../../src/math/activations.ts';
import { LOSS_MATH, lossParameter, type Real } from '../../src/math/losses.ts';
import { LOSS_SCALE } from '../../src/plan/lower.ts';
import { type Program, tensorOf } from '../../src/plan/program.ts';

/** The spacing of f32 numbers near 1, halved: the error of one rounding. */
export const EPS = 2 ** -24;
/** Roundings that a chain of elementary functions may add up to, in units of EPS; lib/math.wgsl stays well below. */
export const CHAIN = 64;
/** Below this f32 numbers may be flushed to zero. */
export const TINY = 2 ** -120;

/** What the plain loops computed, row-major. */
export interface Reference {
  values(name: TensorName): Real;
  /** The target of a row of the mini-batch. */
  target(row: number): Real;
  /** Real rows of the mini-batch. */
  readonly rows: number;
}

/** The error of n additions of products, relative to the sum of their sizes. */
const gamma = (n: number) => 2 * (n + 2) * EPS;

/** Bounds per tensor, filled in step by step; a tensor that no step has written is exact. */
export class Bounds {
  readonly #program: Program;
  readonly #reference: Reference;
  /** What is added to bytes: it may cancel them. */
  readonly #shift: number;
  readonly #bounds = new Map<TensorName, Float64Array>();

  constructor(program: Program, reference: Reference) {
    this.#program = program;
    this.#reference = reference;
    this.#shift = program.spec.preprocessing.bytes?.offset ?? 0;
  }

  of(name: TensorName): Float64Array {
    return this.#bounds.get(name) ?? this.#exact(name);
  }

  #exact(name: TensorName): Float64Array {
    const { rows, columns } = tensorOf(this.#program, name);
    return new Float64Array(rows * columns);
  }

  /** Bounds of what a base step writes, from those of what it reads. */
  follow(step: Step): void {
    const { reads, writes } = step;
    switch (step.kernel) {
      case 'gather_rows':
        this.#set(writes.x!, (i, x) => 2 * EPS * (Math.abs(x[i]!) + Math.abs(this.#shift)));
        break;
      case 'round_weights':
        for (const tensor of Object.values(writes)) this.#bounds.set(tensor, this.#exact(tensor));
        break;
      case 'dense_forward':
        this.#forward(step);
        break;
      case 'activation_forward':
        this.#activate(step);
        break;
      case 'loss':
        this.#loss(step);
        break;
      case 'activation_backward':
        this.#bend(step);
        break;
      case 'dense_backward_input':
        this.#through(reads.delta!, reads.weight!, writes.d_x!);
        break;
      case 'dense_backward_weight':
        if (writes.d_weight) this.#gradient(reads.x!, reads.delta!, writes.d_weight);
        if (writes.d_bias) this.#gradient(undefined, reads.delta!, writes.d_bias);
        break;
      case 'dropout': {
        const off = this.of(reads.x!);
        const scale = 1 / (1 - (step.layer as { rate: number }).rate);
        this.#set(writes.a!, (i, a) => 2 * EPS * Math.abs(a[i]!) + off[i]! * scale);
        break;
      }
      case 'gaussian_noise': {
        const off = this.of(reads.x!);
        const { stddev } = step.layer as { stddev: number };
        // Radius below 6.7, an angle of 2π · 2⁻²⁵.
        this.#set(writes.a!, (i, a) => 2 * EPS * Math.abs(a[i]!) + off[i]! + CHAIN * EPS * stddev);
        break;
      }
      case 'embedding_forward':
      case 'embedding_backward':
        for (const tensor of Object.values(writes)) this.#set(tensor, () => 0);
        break;
      case 'add': {
        const [xOff, yOff] = [this.of(reads.x!), this.of(reads.y!)];
        this.#set(writes.sum!, (i, sum) => EPS * Math.abs(sum[i]!) + xOff[i]! + yOff[i]!);
        break;
      }
      case 'row_norm_forward':
      case 'row_norm_backward':
      case 'batch_norm_forward':
      case 'batch_norm_backward':
        this.#normalize(step);
        break;
    }
  }

  #set(name: TensorName, bound: (i: number, values: Real) => number): void {
    const values = this.#reference.values(name);
    const { half } = tensorOf(this.#program, name);
    // Two numbers that are nearly the same may become neighbours.
    const rounded = (value: number) => (half ? 2 ** -10 * Math.abs(value) + 2 ** -24 : 0);
    this.#bounds.set(
      name,
      Float64Array.from(values, (value, i) => bound(i, values) + rounded(value) + TINY),
    );
  }

  #forward({ reads, writes }: Step): void {
    const { rows: inner, columns } = tensorOf(this.#program, reads.weight!);
    const [x, w] = [this.#reference.values(reads.x!), this.#reference.values(reads.weight!)];
    const off = this.of(reads.x!);
    const bias = reads.bias ? this.#reference.values(reads.bias) : undefined;
    this.#set(writes.z!, (i, z) => {
      const [row, j] = [Math.floor(i / columns), i % columns];
      let size = Math.abs(bias?.[j] ?? 0);
      let carried = 0;
      for (let k = 0; k < inner; k++) {
        const weight = Math.abs(w[k * columns + j]!);
        size += Math.abs(x[row * inner + k]!) * weight;
        carried += off[row * inner + k]! * weight;
      }
      return gamma(inner) * size + carried + 2 * EPS * Math.abs(z[i]!);
    });
  }

  #activate({ reads, writes, activation }: Step): void {
    const { value } = ACTIVATION_MATH[activation!.type];
    const parameter = activationParameter(activation!);
    const z = this.#reference.values(reads.z!);
    const off = this.of(reads.z!);
    this.#set(writes.a!, (i, a) => {
      const moved = spread((x) => value(x, parameter), z[i]!, off[i]!);
      // Functions with cancellation near 0, such as z Φ(z), are accurate relative to z.
      return moved + CHAIN * EPS * (Math.abs(a[i]!) + Math.min(Math.abs(z[i]!), 1) / 16);
    });
  }

  #bend({ reads, writes, activation }: Step): void {
    const { derivative } = ACTIVATION_MATH[activation!.type];
    const parameter = activationParameter(activation!);
    const [dA, x] = [this.#reference.values(reads.d_a!), this.#reference.values(reads.x!)];
    const [dOff, xOff] = [this.of(reads.d_a!), this.of(reads.x!)];
    this.#set(writes.delta!, (i) => {
      const slope = derivative(x[i]!, parameter);
      const moved = spread((at) => derivative(at, parameter), x[i]!, xOff[i]!);
      return (
        dOff[i]! * (Math.abs(slope) + moved) + Math.abs(dA[i]!) * (moved + CHAIN * EPS * (Math.abs(slope) + 1 / 16))
      );
    });
  }

  /** A row's outputs are moved by their bounds, all up, all down, and by turns, and the loss is looked at each time. */
  #loss({ reads, writes, loss }: Step): void {
    const { columns } = tensorOf(this.#program, reads.z!);
    const z = this.#reference.values(reads.z!);
    const off = this.of(reads.z!);
    const { rows } = this.#reference;
    const { row: rowOf } = LOSS_MATH[loss!.type];
    const parameter = lossParameter(loss!);
    const batch = tensorOf(this.#program, reads.z!).rows;
    const deltas = new Float64Array(batch * columns);
    const metrics = new Float64Array(batch * 4);
    const at = (row: number, sign: (j: number) => number) => {
      const own = Float64Array.from({ length: columns }, (_, j) => {
        const value = z[row * columns + j]!;
        // What a function does first with its argument, times 2π for example, is rounded too.
        return value + sign(j) * (off[row * columns + j]! + 4 * EPS * Math.abs(value));
      });
      const result = { delta: new Float64Array(columns), metrics: new Float64Array(4) };
      rowOf(own, this.#reference.target(row), result.delta, result.metrics, parameter);
      return result;
    };
    for (let row = 0; row < rows; row++) {
      const middle = at(row, () => 0);
      const moves = [() => 1, () => -1, (j: number) => (j % 2 ? 1 : -1), (j: number) => (j % 2 ? -1 : 1)];
      const moved = moves.map((sign) => at(row, sign));
      const widest = (part: 'delta' | 'metrics', i: number) =>
        Math.max(...moved.map((result) => Math.abs(result[part][i]! - middle[part][i]!)));
      const scale = Math.max(...middle.delta.map(Math.abs), 0);
      const sizes = z.subarray(row * columns, (row + 1) * columns).map(Math.abs) as Real;
      for (let j = 0; j < columns; j++) {
        const own = CHAIN * EPS * (Math.abs(middle.delta[j]!) + scale / 16);
        // Four moves do not find every corner.
        deltas[row * columns + j] = ((2 * widest('delta', j) + own) / rows) * this.#scale;
      }
      for (let i = 0; i < 4; i++) {
        const own = CHAIN * EPS * (Math.abs(middle.metrics[i]!) + Math.max(...sizes, 1 / 16) / 16);
        metrics[row * 4 + i] = 2 * widest('metrics', i) + own;
      }
    }
    if (writes.delta) this.#set(writes.delta, (i) => deltas[i]!);
    this.#set(writes.row_metrics!, (i) => metrics[i]!);
  }

  /** Norms, each on numbers that have the errors `of` them, and sums of n of those. */
  #normalize({ reads, writes, layer }: Step): void {
    const { rows, columns } = tensorOf(this.#program, reads.x!);
    // Rows, or the real rows of columns.
    const batch = layer!.type === 'batchNorm';
    const [count, lines] = batch ? [this.#reference.rows, columns] : [columns, rows];
    const x = this.#reference.values(reads.x!);
    const xOff = this.of(reads.x!);
    const weights = reads.weight && this.#reference.values(reads.weight);
    const bias = reads.bias && this.#reference.values(reads.bias);
    const dA = reads.d_a && this.#reference.values(reads.d_a);
    const dOff = reads.d_a && this.of(reads.d_a);
    const { epsilon } = layer as { epsilon: number };
    const sums = gamma(count) + CHAIN * EPS;
    const off = { a: new Float64Array(x.length), d_x: new Float64Array(x.length), scaled: new Float64Array(x.length) };
    const [means, variances] = [new Float64Array(columns), new Float64Array(columns)];
    for (let line = 0; line < lines; line++) {
      const at = (i: number) => (batch ? i * columns + line : line * count + i);
      const all = Array.from({ length: count }, (_, i) => at(i));
      const meanOf = (value: (i: number) => number) => all.reduce((sum, i) => sum + value(i), 0) / count;
      const mean = layer!.type === 'rmsNorm' ? 0 : meanOf((i) => x[i]!);
      const scale = 1 / Math.sqrt(meanOf((i) => (x[i]! - mean) ** 2) + epsilon);
      const n = (i: number) => (x[i]! - mean) * scale;
      // Of x - mean, where large numbers may cancel; what they do to the scale; and of n.
      const size = meanOf((i) => Math.abs(x[i]!));
      const dOf = (i: number) => xOff[i]! + meanOf((j) => xOff[j]!) + sums * (Math.abs(x[i]!) + size);
      const scaleOff = meanOf((i) => Math.abs(n(i)) * dOf(i)) * scale + sums;
      const nOff = (i: number) => dOf(i) * scale + Math.abs(n(i)) * scaleOff;
      // Padding is normalised too, by the moments of the others.
      const written = batch ? Array.from({ length: rows }, (_, i) => at(i)) : all;
      for (const i of written) {
        const w = Math.abs(weights?.[i % columns] ?? 1);
        off.a[i] = w * nOff(i) + 4 * EPS * (w * Math.abs(n(i)) + Math.abs(bias?.[i % columns] ?? 0));
        if (!dA) continue;
        off.scaled[i] =
          Math.abs(dA[i]!) * nOff(i) + dOff![i]! * (Math.abs(n(i)) + nOff(i)) + 2 * EPS * Math.abs(dA[i]! * n(i));
      }
      if (batch && !dA) {
        const momentum = (layer as { momentum: number }).momentum;
        means[line] = momentum * (meanOf((i) => xOff[i]!) + sums * size);
        variances[line] = momentum * 4 * scaleOff * (meanOf((i) => (x[i]! - mean) ** 2) + epsilon);
      }
      if (!dA) continue;
      const g = (i: number) => Math.abs(dA[i]! * (weights?.[i % columns] ?? 1));
      const gOff = (i: number) => dOff![i]! * Math.abs(weights?.[i % columns] ?? 1) + 2 * EPS * g(i);
      const turn = meanOf((i) => g(i) * Math.abs(n(i)));
      const turnOff = meanOf((i) => g(i) * nOff(i) + gOff(i) * Math.abs(n(i))) + sums * turn;
      const shift = meanOf(g);
      for (const i of all) {
        const whole = g(i) + shift + Math.abs(n(i)) * turn;
        const parts = gOff(i) + meanOf(gOff) + nOff(i) * turn + Math.abs(n(i)) * turnOff;
        off.d_x[i] = scale * (parts + (sums + scaleOff) * whole);
      }
    }
    const all = { ...off, running_mean: means, running_var: variances };
    for (const [name, tensor] of Object.entries(writes)) {
      this.#set(tensor, (i, values) => all[name as keyof typeof all][i]! + 4 * EPS * Math.abs(values[i]!));
    }
  }

  #through(delta: TensorName, weight: TensorName, dX: TensorName): void {
    const { rows: inputs, columns } = tensorOf(this.#program, weight);
    const [d, w] = [this.#reference.values(delta), this.#reference.values(weight)];
    const off = this.of(delta);
    this.#set(dX, (i) => {
      const [row, input] = [Math.floor(i / inputs), i % inputs];
      let size = 0;
      let carried = 0;
      for (let j = 0; j < columns; j++) {
        const factor = Math.abs(w[input * columns + j]!);
        size += Math.abs(d[row * columns + j]!) * factor;
        carried += off[row * columns + j]! * factor;
      }
      return gamma(columns) * size + carried;
    });
  }

  #gradient(x: TensorName | undefined, delta: TensorName, grad: TensorName): void {
    const { rows: inputs, columns } = tensorOf(this.#program, grad);
    const d = this.#reference.values(delta);
    const dOff = this.of(delta);
    const values = x && this.#reference.values(x);
    const xOff = x && this.of(x);
    const batch = d.length / columns;
    this.#set(grad, (i) => {
      const [input, j] = [Math.floor(i / columns), i % columns];
      let size = 0;
      let carried = 0;
      for (let row = 0; row < batch; row++) {
        const factor = values ? Math.abs(values[row * inputs + input]!) : 1;
        const off = xOff ? xOff[row * inputs + input]! : 0;
        const own = Math.abs(d[row * columns + j]!);
        size += factor * own;
        carried += factor * dOff[row * columns + j]! + off * (own + dOff[row * columns + j]!);
      }
      return (gamma(batch) * size + carried) / this.#scale;
    });
  }

  /** Of the loss. */
  get #scale(): number {
    return this.#program.mixed ? this.#reference.values(LOSS_SCALE)[0]! : 1;
  }
}

/** How far f moves when its argument does. */
function spread(f: (x: number) => number, x: number, off: number): number {
  if (off === 0) return 0;
  const middle = f(x);
  // A little more than asked for, since the function is bent in between.
  return 1.5 * Math.max(Math.abs(f(x + off) - middle), Math.abs(f(x - off) - middle));
}
