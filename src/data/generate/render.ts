/** Draws pen lines of varying thickness into a small grey image with soft edges. */

/** Consecutive points of pen lines; `move` says where a line starts instead of continuing. */
export interface PenLines {
  count: number;
  x: Float64Array;
  y: Float64Array;
  /** Half the thickness at each point. */
  radius: Float64Array;
  move: Uint8Array;
}

/**
 * Adds the ink of `lines` (in pixels; pixel (i, j) has its middle at (j + ½, i + ½)) to `ink` [size, size], 0 … 1.
 * Ink is 1 inside a line and falls to 0 over `edge` pixels across its border; where lines meet, the darker one counts.
 */
export function render(lines: PenLines, size: number, edge: number, ink: Float32Array): void {
  const { count, x, y, radius, move } = lines;
  for (let i = 1; i < count; i++) {
    if (move[i]) continue;
    segment(x[i - 1]!, y[i - 1]!, radius[i - 1]!, x[i]!, y[i]!, radius[i]!, size, edge, ink);
  }
}

function segment(
  ax: number,
  ay: number,
  ar: number,
  bx: number,
  by: number,
  br: number,
  size: number,
  edge: number,
  ink: Float32Array,
): void {
  const reach = Math.max(ar, br) + edge / 2;
  const left = Math.max(0, Math.floor(Math.min(ax, bx) - reach));
  const right = Math.min(size - 1, Math.floor(Math.max(ax, bx) + reach));
  const top = Math.max(0, Math.floor(Math.min(ay, by) - reach));
  const bottom = Math.min(size - 1, Math.floor(Math.max(ay, by) + reach));
  const dx = bx - ax;
  const dy = by - ay;
  const lengthSquared = dx * dx + dy * dy;
  const scale = lengthSquared > 0 ? 1 / lengthSquared : 0;
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const px = column + 0.5 - ax;
      const py = row + 0.5 - ay;
      const t = Math.min(1, Math.max(0, (px * dx + py * dy) * scale)); // the nearest point of the segment
      const ex = px - t * dx;
      const ey = py - t * dy;
      const inside = ar + t * (br - ar) - Math.sqrt(ex * ex + ey * ey);
      const value = Math.min(1, inside / edge + 0.5);
      const at = row * size + column;
      if (value > ink[at]!) ink[at] = value;
    }
  }
}
