import { describe, expect, it } from 'vitest';
import { ACTIVATION_MATH, activationParameter, sigmoid } from '../../src/math/activations.ts';
import { ACTIVATIONS, parseActivation } from '../../src/spec/activations.ts';
import golden from '../golden/activations.json';
import { expectClose, slope } from '../golden/compare.ts';

const cases = golden.cases.map((golden) => {
  const activation = parseActivation(golden.activation, 'test');
  const math = ACTIVATION_MATH[activation.type];
  const parameter = activationParameter(activation);
  const value = (z: number) => math.value(z, parameter);
  const derivative = (z: number) => math.derivative(math.fromOutput ? value(z) : z, parameter);
  return { golden, activation, label: JSON.stringify(golden.activation), value, derivative };
});

describe.each(cases)('activation $label', ({ golden: { value: values, derivative: derivatives }, ...math }) => {
  it('has the value and derivative that PyTorch gives', () => {
    // PyTorch's gelu and silu lose relative accuracy where they go to zero: hence the absolute part.
    const tolerance = { relative: 1e-14, absolute: 1e-15 };
    expectClose(golden.z.map(math.value), values, tolerance, 'value');
    expectClose(golden.z.map(math.derivative), derivatives, tolerance, 'derivative');
  });

  it('has the derivative that differences give', () => {
    // 0, ±3 and 6 are corners of some.
    const points = golden.z.filter((z) => Math.abs(z) >= 0.1 && Math.abs(z) <= 12 && Math.abs(z) !== 3 && z !== 6);
    const slopes = points.map((z) => slope(math.value, z));
    expectClose(points.map(math.derivative), slopes, { relative: 1e-9, absolute: 1e-10 }, 'derivative');
  });

  it('keeps a NaN', () => {
    expect(math.value(NaN)).toBeNaN();
  });
});

describe('activations', () => {
  it('are all in the golden file and have ids of their own', () => {
    const names = Object.keys(ACTIVATIONS);
    expect(new Set(cases.map(({ activation }) => activation.type))).toEqual(new Set(names));
    expect(Object.entries(ACTIVATION_MATH).map(([name, { id }]) => [name, id])).toEqual(names.map((n, i) => [n, i]));
  });

  it('have PyTorch’s derivatives at 0', () => {
    const at0 = cases.map(({ label, derivative }) => [label, derivative(0)]);
    expect(Object.fromEntries(at0)).toEqual({
      '"linear"': 1,
      '"relu"': 0,
      '{"type":"leakyRelu","negativeSlope":0.01}': 0.01,
      '{"type":"leakyRelu","negativeSlope":0.3}': 0.3,
      '{"type":"leakyRelu","negativeSlope":0}': 0,
      '"sigmoid"': 0.25,
      '"tanh"': 1,
      '"gelu"': 0.5,
      '{"type":"gelu","approximate":"tanh"}': 0.5,
      '"silu"': 0.5,
      '"elu"': 1,
      '{"type":"elu","alpha":0.6}': 0.6,
      '"selu"': 1.7580993408473766,
      '"softplus"': 0.5,
      '{"type":"softplus","beta":2.5}': 0.5,
      '"mish"': 0.6,
      '"hardSigmoid"': 1 / 6,
      '"hardSwish"': 0.5,
      '"relu6"': 0,
      '"softsign"': 1,
      '"logSigmoid"': 0.5,
    });
  });

  it('keep relative accuracy in the tails', () => {
    expect(sigmoid(-700) / Math.exp(-700)).toBeCloseTo(1, 14);
    expect(sigmoid(-800)).toBe(0);
    expect(sigmoid(800)).toBe(1);
    // Φ(−8) = 6.22096057427178…e-16
    expect(ACTIVATION_MATH.gelu.value(-8, 0) / (-8 * 6.22096057427178e-16)).toBeCloseTo(1, 13);
    for (const name of ['softplus', 'mish', 'logSigmoid'] as const) {
      const tail = ACTIVATION_MATH[name].value(name === 'logSigmoid' ? 700 : -700, 1);
      const factor = { softplus: 1, mish: -700, logSigmoid: -1 }[name];
      expect(tail / (factor * Math.exp(-700)), name).toBeCloseTo(1, 13);
    }
  });
});
