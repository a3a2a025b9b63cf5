/** Axes of plots: values → places between 0 and 1, and the ticks to read them by. */

export interface Axis {
  /** The place of a value, 0 … 1; what lies beyond an end is put there, what is no finite number at 0. */
  at(value: number): number;
  /** Places and their labels. */
  ticks: { at: number; label: string }[];
}

export interface AxisOptions {
  log?: boolean;
  /** Which end stands at 1; default the high one. */
  top?: 'high' | 'low';
  words?: (value: number) => string;
  /** Label both ends too; default true. */
  ends?: boolean;
  /** Leave out values far worse than most, so that the good ones can be told apart. */
  fence?: boolean;
}

const TICKS = 5;
/** Labels nearer to an end's than this would touch it. */
const APART = 0.07;
/** How far beyond the median the axis goes, in distances from the best to the median; in logarithms at most so many tens. */
const FENCE = 3;
const FENCE_TENS = 3;
/** From this ratio of the ends on, positive values are better seen in logarithms. */
const LOG_RATIO = 8;

const plain = (value: number): string => {
  const rounded = Number(value.toPrecision(3));
  const size = Math.abs(rounded);
  return size >= 1e5 || (size > 0 && size < 1e-3) ? rounded.toExponential().replace('+', '') : String(rounded);
};

/** Whether values are better seen in logarithms. */
export function spansDecades(values: readonly number[]): boolean {
  const finite = values.filter(Number.isFinite);
  const low = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  return low > 0 && finite.reduce((a, b) => Math.max(a, b), low) / low >= LOG_RATIO;
}

/** An axis that shows the values. */
export function axisFor(values: readonly number[], options: AxisOptions = {}): Axis {
  const { log = false, top = 'high', words = plain, ends: labelEnds = true, fence = false } = options;
  const forward = log ? Math.log10 : (value: number) => value;
  const back = log ? (value: number) => 10 ** value : (value: number) => value;
  const places = values
    .map(forward)
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  let low = places[0] ?? 0;
  let high = places.at(-1) ?? 1;
  let cut = false;
  if (fence && places.length > 0) {
    const median = places[places.length >> 1]!;
    const best = top === 'high' ? high : low;
    const reach = (1 + FENCE) * Math.abs(best - median);
    const limit = best + (top === 'high' ? -1 : 1) * (log ? Math.min(reach, FENCE_TENS) : reach);
    cut = limit > low && limit < high;
    if (cut && top === 'high') low = limit;
    if (cut && top === 'low') high = limit;
  }
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const at = (value: number) => {
    const place = (forward(value) - low) / (high - low);
    if (!Number.isFinite(place)) return 0;
    return Math.min(1, Math.max(0, top === 'high' ? place : 1 - place));
  };
  const marks = log ? logMarks(low, high) : linearMarks(low, high);
  const tick = (place: number) => ({ at: at(back(place)), label: words(back(place)) });
  const ends = labelEnds ? [low, high].map(tick) : [];
  const fenced = ends.find((end) => end.at === 0);
  if (cut && fenced) fenced.label = `${top === 'high' ? '≤' : '≥'} ${fenced.label}`;
  const between = marks.map(tick).filter((mark) => ends.every((end) => Math.abs(end.at - mark.at) > APART));
  return { at, ticks: [...ends, ...between] };
}

/** An axis on which the values stand side by side, whatever lies between them. */
export function listAxis(values: readonly number[]): Axis {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (value: number) => (sorted.length > 1 ? sorted.indexOf(value) / (sorted.length - 1) : 0.5);
  return { at, ticks: sorted.map((value) => ({ at: at(value), label: plain(value) })) };
}

/** Round numbers between the ends. */
function linearMarks(low: number, high: number): number[] {
  const rough = (high - low) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough)!;
  const marks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) marks.push(i * step);
  return marks;
}

/** Powers of ten, with their doubles and halves where there are few; all in logarithms. */
function logMarks(low: number, high: number): number[] {
  const inside = (factors: readonly number[]) => {
    const marks: number[] = [];
    for (let power = Math.floor(low); power <= high; power++) {
      for (const factor of factors) marks.push(power + Math.log10(factor));
    }
    return marks.filter((mark) => mark >= low - 1e-9 && mark <= high + 1e-9);
  };
  const powers = inside([1]);
  if (powers.length > 2 * TICKS) return powers.filter((_, i) => i % Math.ceil(powers.length / TICKS) === 0);
  if (powers.length >= 3) return powers;
  const more = inside([1, 2, 5]);
  return more.length >= 2
    ? more
    : linearMarks(10 ** low, 10 ** high)
        .filter((mark) => mark > 0)
        .map(Math.log10);
}
