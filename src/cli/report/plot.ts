/** Lines over the steps of a run, as SVG. */
import { escapeHtml } from '../report.ts';
import { axisFor, spansDecades } from '../sweep/scale.ts';

/** One line; what is not finite is left out. */
export interface Series {
  readonly name: string;
  readonly step: readonly number[];
  readonly value: readonly number[];
  /** Every point is marked: for the few that an epoch gives. */
  readonly dots?: boolean;
}

export interface PlotOptions {
  /** What the plot says to who cannot see it. */
  label: string;
  /** How a value is written at the axis. */
  words?: (value: number) => string;
  /** Whether the values may be shown in logarithms where they span decades; default true. */
  log?: boolean;
  /** Steps of the whole run. */
  total: number;
  /** What is counted to the right; default `'step'`. */
  unit?: string;
}

/** So many lines can be told apart by colour, and so many of a colour by their dashes. */
const COLOURS = 6;
const DASHES = 3;
export const LINES = COLOURS * DASHES;
/** Points of a line; more cannot be told apart. */
const POINTS = 380;
const [WIDTH, HEIGHT] = [1000, 300];
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 16, 12, 44];

interface Point {
  step: number;
  value: number;
  low: number;
  high: number;
}

/** Means of neighbouring points, and from the least to the most of them. */
function pointsOf({ step, value }: Series): Point[] {
  const size = Math.ceil(value.length / POINTS);
  const points: Point[] = [];
  for (let first = 0; first < value.length; first += size) {
    const part = value.slice(first, first + size).filter(Number.isFinite);
    if (part.length === 0) continue;
    const middle = step[Math.min(value.length - 1, first + (size >> 1))]!;
    const mean = part.reduce((a, b) => a + b, 0) / part.length;
    points.push({ step: middle, value: mean, low: Math.min(...part), high: Math.max(...part) });
  }
  return points;
}

const fixed = (value: number): string => String(Number(value.toFixed(1)));

/** The lines in one frame, with a key where there are several. */
export function linePlot(
  series: readonly Series[],
  { label, words, log = true, total, unit = 'step' }: PlotOptions,
): string {
  const lines = series.map((one) => ({ ...one, points: pointsOf(one) })).filter(({ points }) => points.length > 0);
  if (lines.length === 0) return `<p>No ${unit}s.</p>`;
  const shown = lines.flatMap(({ points }) => points.flatMap(({ low, high }) => [low, high]));
  const inLogarithms = log && spansDecades(shown);
  const values = axisFor(inLogarithms ? shown : [...shown, 0], {
    log: inLogarithms,
    ends: false,
    ...(words && { words }),
  });
  const steps = axisFor([0, total]);
  const x = (step: number) => fixed(LEFT + steps.at(step) * (WIDTH - LEFT - RIGHT));
  const place = (at: number) => fixed(TOP + (1 - at) * (HEIGHT - TOP - BOTTOM));
  const y = (value: number) => place(values.at(value));
  const look = (i: number) => `s${i % COLOURS} d${Math.floor(i / COLOURS) % DASHES}`;
  const drawn = lines.map(({ name, points, dots }, i) => {
    const line = points.map(({ step, value }) => `${x(step)},${y(value)}`);
    const banded = points.some(({ low, high }) => low < high);
    const highs = points.map(({ step, high }) => `${x(step)},${y(high)}`);
    const lows = points.map(({ step, low }) => `${x(step)},${y(low)}`).reverse();
    const band = banded ? `<polygon class="band" points="${[...highs, ...lows].join(' ')}"/>` : '';
    const marks = dots
      ? points.map(({ step, value }) => `<circle class="dot" cx="${x(step)}" cy="${y(value)}" r="3"/>`).join('')
      : '';
    return `<g class="${look(i)}">${band}<polyline points="${line.join(' ')}"/>${marks}<title>${escapeHtml(name)}</title></g>`;
  });
  const ticks = [
    ...values.ticks.map(
      ({ at, label }) =>
        `<path class="grid" d="M${LEFT} ${place(at)}H${WIDTH - RIGHT}"/><text x="${LEFT - 8}" y="${Number(place(at)) + 4}" text-anchor="end">${escapeHtml(label)}</text>`,
    ),
    ...steps.ticks.map(
      ({ at, label }) =>
        `<text x="${fixed(LEFT + at * (WIDTH - LEFT - RIGHT))}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${label}</text>`,
    ),
  ];
  const key = lines.map(
    ({ name }, i) =>
      `<span class="${look(i)}"><svg class="key" viewBox="0 0 20 8"><polyline points="0,4 20,4"/></svg>${escapeHtml(name)}</span>`,
  );
  return `${lines.length > 1 ? `<p class="keys">${key.join(' ')}</p>` : ''}<div class="wide"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(label)}">
${ticks.join('\n')}
${drawn.join('\n')}
<text class="name" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${unit}</text>
</svg></div>`;
}
