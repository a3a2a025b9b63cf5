/** The cost over a grid, on a scale that shows valleys, with its lowest place. */
import type { Landscape, Position } from './landscapes.ts';

/** Cells along one side. */
export const CELLS = 120;

export interface Field {
  /** Points along one side: CELLS + 1. */
  readonly points: number;
  /** Height 0 … 1 of each grid point, row by row from the low end of the second parameter. */
  readonly heights: Float32Array;
  /** The height of a cost. */
  height(cost: number): number;
  /** The lowest place within the domain. */
  readonly lowest: Position;
  readonly lowestCost: number;
}

/** The field of a landscape of two parameters. */
export function fieldOf(landscape: Landscape): Field {
  const [[left, right], [bottom, top]] = landscape.domain as [[number, number], [number, number]];
  const points = CELLS + 1;
  const costs = new Float64Array(points * points);
  let best: Position = [left, bottom];
  let lowest = Number.POSITIVE_INFINITY;
  for (let row = 0; row < points; row++) {
    for (let column = 0; column < points; column++) {
      const position = [left + (column / CELLS) * (right - left), bottom + (row / CELLS) * (top - bottom)];
      const cost = landscape.cost(position);
      costs[row * points + column] = cost;
      if (cost >= lowest) continue;
      lowest = cost;
      best = position;
    }
  }
  best = refine(landscape, best, (right - left) / CELLS);
  lowest = landscape.cost(best);
  const sorted = costs.slice().sort();
  // Logarithmic above the lowest tenth of the picture, where the valleys are.
  const unit = Math.max(sorted[Math.floor(sorted.length / 10)]! - lowest, 1e-9);
  const whole = Math.log1p((sorted.at(-1)! - lowest) / unit);
  const height = (cost: number) => Math.log1p(Math.max(0, cost - lowest) / unit) / whole;
  return { points, heights: Float32Array.from(costs, height), height, lowest: best, lowestCost: lowest };
}

/** Goes downhill from `position` in ever smaller steps along the axes. */
export function refine(landscape: Landscape, position: Position, step: number): Position {
  let best = [...position];
  let cost = landscape.cost(best);
  for (let size = step; size > step * 1e-4; ) {
    let moved = false;
    for (let i = 0; i < best.length; i++) {
      for (const direction of [-size, size]) {
        const next = best.with(i, best[i]! + direction);
        const nextCost = landscape.cost(next);
        if (nextCost >= cost) continue;
        best = next;
        cost = nextCost;
        moved = true;
      }
    }
    if (!moved) size /= 2;
  }
  return best;
}

/** Lines of equal height, as pairs of ends in grid units: x from the left, y from the bottom. Marching squares. */
export function isolines(field: Field, level: number): number[] {
  const { points, heights } = field;
  const ends: number[] = [];
  for (let row = 0; row + 1 < points; row++) {
    for (let column = 0; column + 1 < points; column++) {
      const at = row * points + column;
      // Around the cell: lower left, lower right, upper right, upper left.
      const corners = [heights[at]!, heights[at + 1]!, heights[at + points + 1]!, heights[at + points]!];
      const crossings: number[] = [];
      for (let side = 0; side < 4; side++) {
        const a = corners[side]!;
        const b = corners[(side + 1) % 4]!;
        if (a < level === b < level) continue;
        const t = (level - a) / (b - a);
        if (side === 0) crossings.push(column + t, row);
        else if (side === 1) crossings.push(column + 1, row + t);
        else if (side === 2) crossings.push(column + 1 - t, row + 1);
        else crossings.push(column, row + 1 - t);
      }
      ends.push(...crossings);
    }
  }
  return ends;
}
