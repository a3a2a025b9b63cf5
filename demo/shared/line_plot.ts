/** Lines over the steps of a training, and the numbers they are drawn from. */
import uPlot from 'uplot';
import { element, onFrame } from './dom.ts';
import { tick } from './format.ts';
import { onThemeChange } from './theme.ts';

/** Beyond this many points every second one goes: a plot stays cheap however long training runs. */
const MAX_POINTS = 1000;
/** Milliseconds between two drawings of a plot. */
const INTERVAL = 100;

/** Columns of numbers over one column of steps; long ones thin themselves out. */
export class History {
  steps: number[] = [];
  columns: (number | null)[][];
  #stride = 1;
  #reports = 0;

  constructor(columns: number) {
    this.columns = Array.from({ length: columns }, () => []);
  }

  /** Adds a row; null leaves a gap. */
  add(step: number, values: readonly (number | null)[]): void {
    // Rows with a gap-filled column of its own are rare and stay.
    if (this.#reports++ % this.#stride !== 0) return;
    this.steps.push(step);
    for (const [c, column] of this.columns.entries()) column.push(values[c] ?? null);
    if (this.steps.length <= MAX_POINTS) return;
    const everySecond = (_: unknown, i: number) => i % 2 === 0;
    this.steps = this.steps.filter(everySecond);
    this.columns = this.columns.map((column) => column.filter(everySecond));
    this.#stride *= 2;
  }

  clear(): void {
    this.steps = [];
    this.columns = this.columns.map(() => []);
    this.#stride = 1;
    this.#reports = 0;
  }
}

export interface Line {
  label: string;
  /** Asked for anew when the colours change. */
  stroke: () => string;
  width?: number;
  dash?: number[];
  /** Drawn as far as it fits the scale of the other lines. */
  faint?: boolean;
}

export interface LinePlotOptions {
  lines: Line[];
  logarithmic?: boolean;
}

export class LinePlot {
  /** Draws soon. */
  readonly draw: () => void;
  readonly #place: HTMLElement;
  #options: LinePlotOptions;
  #plot: uPlot | undefined;
  #data: () => uPlot.AlignedData;

  /** In the element `id`, of whatever `data` gives when it is drawn. */
  constructor(id: string, options: LinePlotOptions, data: () => uPlot.AlignedData) {
    this.#place = element(id);
    this.#options = options;
    this.#data = data;
    this.draw = onFrame(() => this.#plot?.setData(this.#data()), INTERVAL);
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.#place);
    onThemeChange(() => this.restyle());
    this.restyle();
  }

  /** Builds the plot anew, with other options or colours. */
  restyle(options: Partial<LinePlotOptions> = {}): void {
    this.#options = { ...this.#options, ...options };
    const { lines, logarithmic } = this.#options;
    this.#plot?.destroy();
    const style = getComputedStyle(this.#place);
    const axis = {
      stroke: style.getPropertyValue('color'),
      font: `12px ${style.fontFamily}`,
      grid: { stroke: style.getPropertyValue('border-color'), width: 1 },
      ticks: { show: false },
    };
    this.#plot = new uPlot(
      {
        ...this.#size(),
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false, range: (_plot, low, high) => [low ?? 0, Math.max(high ?? 0, (low ?? 0) + 20)] },
          y: logarithmic ? { distr: 3, range: (_plot, low, high) => decades(low, high) } : {},
        },
        axes: [
          { ...axis, size: 28, values: (_plot, splits) => splits.map(tick) },
          {
            ...axis,
            size: 50,
            ...(logarithmic && { grid: { ...axis.grid, filter: powersOfTen }, filter: powersOfTen }),
            values: (_plot, splits) => splits.map((v) => (v === null ? '' : tick(v))),
          },
        ],
        series: [
          {},
          ...lines.map(({ label, stroke, width = 2, dash, faint = false }) => ({
            label,
            stroke: stroke(),
            width,
            auto: !faint,
            ...(dash && { dash }),
            spanGaps: true,
            points: { show: false },
          })),
        ],
      },
      this.#data(),
      this.#place,
    );
  }

  #size(): { width: number; height: number } {
    return { width: Math.max(120, this.#place.clientWidth), height: Math.max(60, this.#place.clientHeight) };
  }
}

/** Powers of ten around the values, at most eight: what lies deeper is rounding. Values close together stay close. */
function decades(low: number | null, high: number | null): [number, number] {
  const [least, most] = [low || 0.1, high || 1];
  if (most / least < 10) return [least / 1.2, most * 1.2];
  const top = Math.ceil(Math.log10(most) - 1e-9);
  const bottom = Math.floor(Math.log10(least) + 1e-9);
  return [10 ** Math.max(bottom, top - 8), 10 ** top];
}

/** Leaves out the marks between powers of ten, where there are two of these or more. */
function powersOfTen(_plot: uPlot, splits: number[]): (number | null)[] {
  const isPower = (value: number) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6;
  return splits.filter(isPower).length < 2 ? splits : splits.map((value) => (isPower(value) ? value : null));
}
