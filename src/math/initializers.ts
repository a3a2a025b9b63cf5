/** Where parameters start: distributions whose spread follows from the number of inputs and outputs, and given values. */
import type { Initializer, InitializerName } from '../spec/initializers.ts';
import { erfc } from './erf.ts';
import type { RandomSource } from './random.ts';

type Random = Pick<RandomSource, 'uniform' | 'normal'>;

/**
 * Per name the variance of a weight, for `fanIn` inputs and `fanOut` outputs: Glorot and Bengio 2010, He et al. 2015,
 * LeCun et al. 1998, and the default of `torch.nn.Linear`, which is U(±1/√fanIn). A normal one is not truncated.
 */
const SPREADS: Record<
  Exclude<InitializerName, 'zeros' | 'constant' | 'values' | 'truncatedNormal' | 'orthogonal'>,
  { draw: 'uniform' | 'normal'; variance: (fanIn: number, fanOut: number) => number }
> = {
  glorotUniform: { draw: 'uniform', variance: (fanIn, fanOut) => 2 / (fanIn + fanOut) },
  glorotNormal: { draw: 'normal', variance: (fanIn, fanOut) => 2 / (fanIn + fanOut) },
  heUniform: { draw: 'uniform', variance: (fanIn) => 2 / fanIn },
  heNormal: { draw: 'normal', variance: (fanIn) => 2 / fanIn },
  lecunUniform: { draw: 'uniform', variance: (fanIn) => 1 / fanIn },
  lecunNormal: { draw: 'normal', variance: (fanIn) => 1 / fanIn },
  torchUniform: { draw: 'uniform', variance: (fanIn) => 1 / (3 * fanIn) },
};

/**
 * Fills `out`, weights [fanIn, fanOut] or a bias [fanOut], with the same fans. But for `orthogonal`, element i takes draw
 * i of `random`, so a value does not depend on the others. A uniform distribution reaches from −√(3 · variance) to
 * √(3 · variance).
 */
export function initialize(
  initializer: Initializer,
  fanIn: number,
  fanOut: number,
  random: Random,
  out: Float32Array,
): void {
  switch (initializer.type) {
    case 'zeros':
      out.fill(0);
      return;
    case 'constant':
      out.fill(initializer.value);
      return;
    case 'values':
      for (let i = 0; i < out.length; i++) {
        const row = initializer.values[i % fanOut]!; // of weights: all inputs of one output
        out[i] = typeof row === 'number' ? row : row[Math.floor(i / fanOut)]!;
      }
      return;
    case 'truncatedNormal':
      for (let i = 0; i < out.length; i++) out[i] = initializer.stddev * truncatedNormal(random.uniform(i));
      return;
    case 'orthogonal':
      fillOrthogonal(initializer.gain, fanIn, fanOut, random, out);
      return;
    default: {
      const { draw, variance } = SPREADS[initializer.type];
      const spread = Math.sqrt((draw === 'normal' ? 1 : 3) * variance(fanIn, fanOut));
      for (let i = 0; i < out.length; i++) {
        out[i] = spread * (draw === 'normal' ? random.normal(i) : 2 * random.uniform(i) - 1);
      }
    }
  }
}

/** Φ(z), the share of a standard normal variable below z. */
const below = (z: number) => 0.5 * erfc(-z * Math.SQRT1_2);
const BELOW_2 = below(2);
/** Newton's steps until the last bits stand still anywhere in ±2. */
const NEWTON_STEPS = 8;

/**
 * The standard normal number of −2 … 2 that the share `uniform` of all those numbers lies below; its deviation is 0.8796.
 * Newton's method from 0 comes nearer from one side, since Φ bends one way on each.
 */
function truncatedNormal(uniform: number): number {
  const share = 1 - BELOW_2 + uniform * (2 * BELOW_2 - 1);
  let z = 0;
  for (let n = 0; n < NEWTON_STEPS; n++) {
    z += (share - below(z)) * Math.sqrt(2 * Math.PI) * Math.exp(0.5 * z * z);
  }
  return Math.min(2, Math.max(-2, z));
}

/**
 * A [fanIn, fanOut] matrix with Qᵀ Q = gain² · 1, or Q Qᵀ where fanOut is the larger: Gram and Schmidt's method on a matrix
 * of normal numbers, so that every orientation is equally likely (Saxe et al. 2014, `torch.nn.init.orthogonal_`).
 */
function fillOrthogonal(gain: number, fanIn: number, fanOut: number, random: Random, out: Float32Array): void {
  const length = Math.max(fanIn, fanOut);
  const vectors = Array.from({ length: Math.min(fanIn, fanOut) }, (_, n) =>
    Float64Array.from({ length }, (_, i) => random.normal(n * length + i)),
  );
  for (const [n, vector] of vectors.entries()) {
    // Twice: what rounding leaves of the others after the first time is gone after the second.
    for (let time = 0; time < 2; time++) {
      for (const other of vectors.slice(0, n)) {
        const overlap = dot(vector, other);
        for (let i = 0; i < length; i++) vector[i] = vector[i]! - overlap * other[i]!;
      }
      const norm = Math.sqrt(dot(vector, vector));
      for (let i = 0; i < length; i++) vector[i] = vector[i]! / norm;
    }
  }
  for (let i = 0; i < fanIn; i++) {
    for (let j = 0; j < fanOut; j++) {
      out[i * fanOut + j] = gain * (fanIn < fanOut ? vectors[i]![j]! : vectors[j]![i]!);
    }
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
