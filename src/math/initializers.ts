/** Where parameters start: distributions whose spread follows from the number of inputs and outputs. */
import type { InitializerName } from '../spec/layers.ts';
import type { RandomSource } from './random.ts';

/**
 * Per name the variance of a weight, for `fanIn` inputs and `fanOut` outputs: Glorot and Bengio 2010, He et al. 2015,
 * LeCun et al. 1998. A normal one is not truncated.
 */
const SPREADS: Record<
  Exclude<InitializerName, 'zeros'>,
  { draw: 'uniform' | 'normal'; variance: (fanIn: number, fanOut: number) => number }
> = {
  glorotUniform: { draw: 'uniform', variance: (fanIn, fanOut) => 2 / (fanIn + fanOut) },
  glorotNormal: { draw: 'normal', variance: (fanIn, fanOut) => 2 / (fanIn + fanOut) },
  heUniform: { draw: 'uniform', variance: (fanIn) => 2 / fanIn },
  heNormal: { draw: 'normal', variance: (fanIn) => 2 / fanIn },
  lecunUniform: { draw: 'uniform', variance: (fanIn) => 1 / fanIn },
  lecunNormal: { draw: 'normal', variance: (fanIn) => 1 / fanIn },
};

/**
 * Fills `out`; element i takes draw i of `random`, so a value does not depend on the others. A uniform distribution
 * reaches from −√(3 · variance) to √(3 · variance): √(6 / (fanIn + fanOut)), √(6 / fanIn), √(3 / fanIn).
 */
export function initialize(
  name: InitializerName,
  fanIn: number,
  fanOut: number,
  random: Pick<RandomSource, 'uniform' | 'normal'>,
  out: Float32Array,
): void {
  if (name === 'zeros') {
    out.fill(0);
    return;
  }
  const { draw, variance } = SPREADS[name];
  if (draw === 'normal') {
    const deviation = Math.sqrt(variance(fanIn, fanOut));
    for (let i = 0; i < out.length; i++) out[i] = deviation * random.normal(i);
  } else {
    const limit = Math.sqrt(3 * variance(fanIn, fanOut));
    for (let i = 0; i < out.length; i++) out[i] = limit * (2 * random.uniform(i) - 1);
  }
}
