/** The loss over the steps: every reported value faintly, and a smooth line through them. */
import uPlot from 'uplot';
import type { Theme } from './theme.ts';

/** Beyond this many points every second one goes: the curve stays cheap however long training runs. */
const MAX_POINTS = 1000;
/** Weight of the past in the smooth line. */
const SMOOTHING = 0.9;

export class LossCurve {
  readonly #place: HTMLElement;
  #plot: uPlot | undefined;
  #steps: number[] = [];
  #losses: number[] = [];
  #smooth: number[] = [];
  #mean: number | undefined;
  #stride = 1;
  #reports = 0;

  constructor(place: HTMLElement) {
    this.#place = place;
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(place);
  }

  /** Forgets everything. */
  clear(): void {
    this.#steps = [];
    this.#losses = [];
    this.#smooth = [];
    this.#mean = undefined;
    this.#stride = 1;
    this.#reports = 0;
    this.draw();
  }

  add(step: number, loss: number): void {
    this.#mean = this.#mean === undefined ? loss : SMOOTHING * this.#mean + (1 - SMOOTHING) * loss;
    if (this.#reports++ % this.#stride !== 0) return;
    this.#steps.push(step);
    this.#losses.push(loss);
    this.#smooth.push(this.#mean);
    if (this.#steps.length <= MAX_POINTS) return;
    const everySecond = (_: number, i: number) => i % 2 === 0;
    this.#steps = this.#steps.filter(everySecond);
    this.#losses = this.#losses.filter(everySecond);
    this.#smooth = this.#smooth.filter(everySecond);
    this.#stride *= 2;
  }

  /** The smoothed loss of now. */
  get mean(): number | undefined {
    return this.#mean;
  }

  draw(): void {
    this.#plot?.setData([this.#steps, this.#losses, this.#smooth]);
  }

  /** Builds the plot anew in these colours. */
  restyle(theme: Theme, logarithmic: boolean): void {
    this.#plot?.destroy();
    const axis = {
      stroke: theme.quiet,
      font: '12px system-ui, sans-serif',
      grid: { stroke: theme.line, width: 1 },
      ticks: { show: false },
    };
    const options: uPlot.Options = {
      ...this.#size(),
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: (_plot, low, high) => [low ?? 0, Math.max(high ?? 0, (low ?? 0) + 100)] },
        y: logarithmic ? { distr: 3 } : { range: (_plot, _low, high) => [0, Math.max(1e-6, (high ?? 1) * 1.05)] },
      },
      axes: [
        { ...axis, size: 28, values: (_plot, splits) => splits.map(short) },
        { ...axis, size: 46, values: (_plot, splits) => splits.map((value) => (value === null ? '' : short(value))) },
      ],
      series: [
        {},
        { stroke: transparent(theme.accent, 0.3), width: 1, points: { show: false } },
        { stroke: theme.accent, width: 2, points: { show: false } },
      ],
    };
    this.#plot = new uPlot(options, [this.#steps, this.#losses, this.#smooth], this.#place);
  }

  #size(): { width: number; height: number } {
    return { width: Math.max(120, this.#place.clientWidth), height: this.#place.clientHeight };
  }
}

const numbers = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

function short(value: number): string {
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(0) : numbers.format(value);
}

function transparent(color: string, opacity: number): string {
  return color.replace(
    /^rgba?\(([^)]*)\)$/,
    (_, parts: string) => `rgb(${parts.split(/[, ]+/).slice(0, 3).join(' ')} / ${opacity})`,
  );
}
