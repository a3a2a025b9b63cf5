/** Shows how training goes: one line that is drawn again on a terminal, else a line every five seconds. */
import type { StepEvent } from '../train/types.ts';

export interface Screen {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const BAR = 24;
const REDRAW_MS = 100;
const LINE_MS = 5000;
/** Weight of the newest loss in the mean that is shown. */
const SMOOTHING = 0.1;

export class Progress {
  readonly #screen: Screen;
  readonly #total: number;
  readonly #first: number;
  readonly #now: () => number;
  #start: number | undefined;
  #shown: number;
  #loss: number | undefined;
  #label = 'loss';
  #last = 0;
  #drawn = -1;

  /** For `total` steps, of which the `first` ones were done before. `now` gives milliseconds. */
  constructor(total: number, screen: Screen, { first = 0, now = () => performance.now() } = {}) {
    this.#total = total;
    this.#screen = screen;
    this.#first = first;
    this.#now = now;
    this.#shown = now();
  }

  /** `label` says what the loss is. */
  update({ step, loss, label = 'loss' }: Pick<StepEvent, 'step' | 'loss'> & { label?: string }): void {
    const now = this.#now();
    this.#label = label;
    this.#start ??= now;
    this.#last = now;
    this.#loss = this.#loss === undefined ? loss : this.#loss + SMOOTHING * (loss - this.#loss);
    if (now - this.#shown < (this.#screen.isTTY ? REDRAW_MS : LINE_MS)) return;
    this.#shown = now;
    this.#draw(step, now);
  }

  /** The last state, and the line is left. */
  finish(step: number): void {
    if (this.#loss === undefined) return;
    if (this.#drawn !== step) this.#draw(step, this.#last);
    if (this.#screen.isTTY) this.#screen.write('\n');
  }

  #draw(step: number, now: number): void {
    this.#drawn = step;
    const seconds = (now - this.#start!) / 1000;
    const rate = seconds > 0 ? (step - this.#first) / seconds : 0;
    const left = rate > 0 ? (this.#total - step) / rate : 0;
    const words = [
      `${step}/${this.#total}`,
      `${this.#label} ${this.#loss!.toPrecision(4)}`,
      `${rate >= 100 ? rate.toFixed(0) : rate.toFixed(1)} steps/s`,
      step < this.#total ? `ETA ${duration(left)}` : duration(seconds),
    ].join('  ');
    if (!this.#screen.isTTY) {
      this.#screen.write(`${words}\n`);
      return;
    }
    const filled = Math.min(BAR, Math.round((step / this.#total) * BAR));
    const line = `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}  ${words}`;
    this.#screen.write(`\r\x1b[2K${line.slice(0, (this.#screen.columns ?? 120) - 1)}`);
  }
}

/** Seconds as a person says them: `8 s`, `2 min 5 s`, `1 h 3 min`. */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}
