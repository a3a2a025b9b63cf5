/** The pictures of a sweep's report, as SVG: parallel coordinates, one value at a time, loss curves. */
import { escapeHtml } from '../report.ts';
import { type Curves, curveOf } from './curves.ts';
import { type Axis, axisFor, spansDecades } from './scale.ts';

/** Shades from the best to the worst. */
export const SHADES = 8;
/** So many of the best light up everywhere when one is pointed at. */
export const LINKED = 120;

/** One trial as the pictures show it. */
export interface Mark {
  /** 0 is the best. */
  rank: number;
  /** 0 … SHADES − 1. */
  shade: number;
  /** Whether it was dropped before the end. */
  dropped: boolean;
  /** What pointing at it says. */
  title: string;
}

const classes = ({ rank, shade }: Mark): string =>
  `c${shade}${rank === 0 ? ' best' : ''}${rank < LINKED ? ` t${rank}` : ''}`;
const titled = ({ title }: Mark): string => `<title>${escapeHtml(title)}</title>`;

/** The worst first, so that the best are drawn over them. */
const worstFirst = <T extends Mark>(marks: readonly T[]): T[] => marks.toSorted((a, b) => b.rank - a.rank);
const fixed = (value: number): string => String(Number(value.toFixed(1)));

export interface NamedAxis {
  name: string;
  axis: Axis;
}
export interface Line extends Mark {
  /** Per axis its place, 0 … 1. */
  places: number[];
}

/** A line for each trial through all its values. */
export function parallelCoordinates(axes: readonly NamedAxis[], lines: readonly Line[]): string {
  const [width, height] = [1000, 380];
  const [left, right, top, bottom] = [80, 80, 44, 20];
  const x = (i: number) => left + (i / Math.max(1, axes.length - 1)) * (width - left - right);
  const y = (place: number) => height - bottom - place * (height - top - bottom);
  const frames = axes.map(({ name, axis }, i) => {
    const end = i === axes.length - 1;
    const ticks = axis.ticks.map(({ at, label }) => {
      const text = `<text x="${fixed(x(i) + (end ? 9 : -9))}" y="${fixed(y(at) + (at === 1 && !end ? -4 : 4))}"${end ? '' : ' text-anchor="end"'}>${label}</text>`;
      return `<path class="axis" d="M${fixed(x(i) - 4)} ${fixed(y(at))}h8"/>${text}`;
    });
    const head = `<text class="name" x="${fixed(x(i))}" y="${top - 22}" text-anchor="middle">${escapeHtml(name)}</text>`;
    return `${head}<path class="axis" d="M${fixed(x(i))} ${y(1)}V${y(0)}"/>${ticks.join('')}`;
  });
  const path = ({ places }: Line) =>
    places
      .map((place, i) => {
        if (i === 0) return `M${fixed(x(0))} ${fixed(y(place))}`;
        const middle = fixed((x(i - 1) + x(i)) / 2);
        return `C${middle} ${fixed(y(places[i - 1]!))} ${middle} ${fixed(y(place))} ${fixed(x(i))} ${fixed(y(place))}`;
      })
      .join('');
  const drawn = worstFirst(lines).map((line) => {
    const d = path(line);
    return `<g class="${classes(line)}"><path class="reach" d="${d}"/><path class="line" d="${d}"/>${titled(line)}</g>`;
  });
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Each trial as a line through its values and results">
${drawn.join('\n')}
<g class="over">${frames.join('\n')}</g>
</svg>`;
}

export interface Dot extends Mark {
  /** Places, 0 … 1. */
  x: number;
  y: number;
}

/** What a value alone does: a dot for each model. */
export function scatter(name: string, result: string, axes: { x: Axis; y: Axis }, dots: readonly Dot[]): string {
  const [width, height] = [360, 250];
  const [left, right, top, bottom] = [76, 22, 14, 46];
  const x = (place: number) => left + place * (width - left - right);
  const y = (place: number) => height - bottom - place * (height - top - bottom);
  const ticks = [
    ...axes.y.ticks.map(
      ({ at, label }) =>
        `<path class="grid" d="M${left} ${fixed(y(at))}H${width - right}"/><text x="${left - 8}" y="${fixed(y(at) + 4)}" text-anchor="end">${label}</text>`,
    ),
    ...axes.x.ticks.map(
      ({ at, label }) => `<text x="${fixed(x(at))}" y="${height - bottom + 18}" text-anchor="middle">${label}</text>`,
    ),
  ];
  const drawn = worstFirst(dots).map(
    (dot) =>
      `<g class="${classes(dot)}"><circle class="dot" cx="${fixed(x(dot.x))}" cy="${fixed(y(dot.y))}" r="3.5"/>${titled(dot)}</g>`,
  );
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(`${result} over ${name}`)}">
${ticks.join('\n')}
${drawn.join('\n')}
<text class="name" x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle">${escapeHtml(name)}</text>
</svg>`;
}

/** The training loss of every model over the steps, in logarithms; `models` are marked per position. */
export function lossCurves(curves: Curves, models: readonly Mark[]): string {
  const [width, height] = [1000, 380];
  const [left, right, top, bottom] = [64, 16, 12, 44];
  const last = curves.step.at(-1);
  const lines = models.map((mark, model) => ({ ...mark, points: curveOf(curves, model) }));
  const seen = lines.flatMap(({ points }) => points.map(({ loss }) => loss).filter((loss) => loss > 0));
  if (last === undefined || seen.length === 0) return '<p>No steps.</p>';
  // The better half says where the picture ends; what goes astray leaves it.
  const starts = lines.flatMap(({ points }) => points.slice(0, 1).map(({ loss }) => loss)).filter(Number.isFinite);
  const roof = 2 * (starts.sort((a, b) => a - b)[starts.length >> 2] ?? 1);
  const shown = seen.filter((loss) => loss <= roof);
  const losses = axisFor(shown, { log: spansDecades(shown), ends: false });
  const steps = axisFor([0, last]);
  const [inner, across] = [height - top - bottom, width - left - right];
  const y = (place: number) => top + (1 - place) * inner;
  const drawn = worstFirst(lines).map((line) => {
    const points = line.points.map(({ step, loss }) => [
      fixed(steps.at(step) * across),
      loss <= roof ? fixed((1 - losses.at(loss)) * inner) : -inner,
    ]);
    const end = line.dropped ? points.at(-1) : undefined;
    const dot = end ? `<circle class="end" cx="${end[0]}" cy="${end[1]}" r="2.5"/>` : '';
    return `<g class="${classes(line)}"><polyline class="line" points="${points.join(' ')}"/>${dot}${titled(line)}</g>`;
  });
  const ticks = [
    ...losses.ticks.map(
      ({ at, label }) =>
        `<path class="grid" d="M${left} ${fixed(y(at))}H${width - right}"/><text x="${left - 8}" y="${fixed(y(at) + 4)}" text-anchor="end">${label}</text>`,
    ),
    ...steps.ticks.map(
      ({ at, label }) =>
        `<text x="${fixed(left + at * across)}" y="${height - bottom + 18}" text-anchor="middle">${label}</text>`,
    ),
  ];
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Training loss of all models over ${last} steps">
${ticks.join('\n')}
<svg class="inner" x="${left}" y="${top}" width="${across}" height="${inner}">
${drawn.join('\n')}
</svg>
<text class="name" x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle">step</text>
</svg>`;
}
