/** The classic cost surfaces of one and two parameters, on which optimizers are compared: value, gradient, minima. */
import type { TestFunctionName } from '../spec/losses.ts';

export interface TestFunction {
  /** The number of the function in the shaders' `switch`. */
  readonly id: number;
  /** 1 or 2. */
  readonly parameters: 1 | 2;
  /** The part worth looking at: one range a parameter. */
  readonly domain: readonly (readonly [low: number, high: number])[];
  /** The points at which it is least. */
  readonly minima: readonly (readonly number[])[];
  /** f(x, y); f(x) for one parameter. */
  value(x: number, y?: number): number;
  /** [∂f/∂x, ∂f/∂y]; the second is 0 for one parameter. */
  gradient(x: number, y?: number): readonly [number, number];
}

const TURN = 2 * Math.PI;

/** By name. */
export const TEST_FUNCTIONS: Readonly<Record<TestFunctionName, TestFunction>> = {
  /** x² / 10 + 2 y²: a bowl 20 times as steep in y as in x. */
  bowl: {
    id: 0,
    parameters: 2,
    domain: [
      [-6, 6],
      [-3, 3],
    ],
    minima: [[0, 0]],
    value: (x, y = 0) => 0.1 * x * x + 2 * y * y,
    gradient: (x, y = 0) => [0.2 * x, 4 * y],
  },
  /** (1 − x)² + 100 (y − x²)²: a curved valley (Rosenbrock 1960). */
  rosenbrock: {
    id: 1,
    parameters: 2,
    domain: [
      [-2, 2],
      [-1, 3],
    ],
    minima: [[1, 1]],
    value: (x, y = 0) => (1 - x) ** 2 + 100 * (y - x * x) ** 2,
    gradient: (x, y = 0) => [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)],
  },
  /** (x² + y − 11)² + (x + y² − 7)²: four minima of value 0 (Himmelblau 1972). */
  himmelblau: {
    id: 2,
    parameters: 2,
    domain: [
      [-6, 6],
      [-6, 6],
    ],
    minima: [
      [3, 2],
      [-2.805118086952745, 3.131312518250573],
      [-3.779310253377747, -3.2831859912861696],
      [3.5844283403304917, -1.8481265269644036],
    ],
    value: (x, y = 0) => (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2,
    gradient: (x, y = 0) => {
      const a = x * x + y - 11;
      const b = x + y * y - 7;
      return [4 * x * a + 2 * b, 2 * a + 4 * y * b];
    },
  },
  /** (1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²: flat plains, steep walls (Beale 1958). */
  beale: {
    id: 3,
    parameters: 2,
    domain: [
      [-4.5, 4.5],
      [-4.5, 4.5],
    ],
    minima: [[3, 0.5]],
    value: (x, y = 0) => (1.5 - x * (1 - y)) ** 2 + (2.25 - x * (1 - y * y)) ** 2 + (2.625 - x * (1 - y * y * y)) ** 2,
    gradient: (x, y = 0) => {
      const a = 1.5 - x * (1 - y);
      const b = 2.25 - x * (1 - y * y);
      const c = 2.625 - x * (1 - y * y * y);
      return [-2 * (a * (1 - y) + b * (1 - y * y) + c * (1 - y * y * y)), 2 * x * (a + 2 * b * y + 3 * c * y * y)];
    },
  },
  /** x² − y² + y⁴ / 4: a saddle at 0 between two minima. */
  saddle: {
    id: 4,
    parameters: 2,
    domain: [
      [-2.5, 2.5],
      [-2.5, 2.5],
    ],
    minima: [
      [0, -Math.SQRT2],
      [0, Math.SQRT2],
    ],
    value: (x, y = 0) => x * x + y * y * (0.25 * y * y - 1),
    gradient: (x, y = 0) => [2 * x, y * (y * y - 2)],
  },
  /** 20 + x² − 10 cos 2πx + y² − 10 cos 2πy: a minimum near every pair of whole numbers (Rastrigin 1974). */
  rastrigin: {
    id: 5,
    parameters: 2,
    domain: [
      [-5.12, 5.12],
      [-5.12, 5.12],
    ],
    minima: [[0, 0]],
    value: (x, y = 0) => 20 + x * x - 10 * Math.cos(TURN * x) + y * y - 10 * Math.cos(TURN * y),
    gradient: (x, y = 0) => [2 * x + 10 * TURN * Math.sin(TURN * x), 2 * y + 10 * TURN * Math.sin(TURN * y)],
  },
  /** (4 − 2.1 x² + x⁴ / 3) x² + xy + (4 y² − 4) y²: six minima, two of them least (Dixon and Szegő 1978). */
  sixHumpCamel: {
    id: 6,
    parameters: 2,
    domain: [
      [-2, 2],
      [-1.2, 1.2],
    ],
    minima: [
      [0.08984201310031807, -0.7126564030207396],
      [-0.08984201310031807, 0.7126564030207396],
    ],
    value: (x, y = 0) => (4 - 2.1 * x * x + x ** 4 / 3) * x * x + x * y + (4 * y * y - 4) * y * y,
    gradient: (x, y = 0) => [x * (8 - 8.4 * x * x + 2 * x ** 4) + y, x + y * (16 * y * y - 8)],
  },
  /** x² */
  quadratic: {
    id: 7,
    parameters: 1,
    domain: [[-3, 3]],
    minima: [[0]],
    value: (x) => x * x,
    gradient: (x) => [2 * x, 0],
  },
  /** (x² − 1)² + 3 x / 10: a minimum near −1 that is deeper than the one near 1. */
  doubleWell: {
    id: 8,
    parameters: 1,
    domain: [[-1.8, 1.8]],
    minima: [[-1.0355787140888537]],
    value: (x) => (x * x - 1) ** 2 + 0.3 * x,
    gradient: (x) => [4 * x * (x * x - 1) + 0.3, 0],
  },
  /** x² / 4 + 1 − cos πx: several minima, the least at 0. */
  wavy: {
    id: 9,
    parameters: 1,
    domain: [[-6, 6]],
    minima: [[0]],
    value: (x) => 0.25 * x * x + 1 - Math.cos(Math.PI * x),
    gradient: (x) => [0.5 * x + Math.PI * Math.sin(Math.PI * x), 0],
  },
};
