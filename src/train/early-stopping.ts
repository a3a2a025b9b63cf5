/** Early stopping: a training ends when epochs get no better, and has the best weights it had. */
import * as v from 'valibot';
import { boolean, integer, notNegative, oneOf, parseObject, text } from '../spec/parse.ts';
import type { Spec } from '../spec/spec.ts';
import { decide, decideBest } from './decide.ts';
import type { Engine } from './engine.ts';
import { checkMonitor, isLower, monitored } from './monitor.ts';
import type { EarlyStopping, EpochEvent, History } from './types.ts';

const EARLY_STOPPING = {
  patience: integer(0, Number.MAX_SAFE_INTEGER),
  monitor: v.optional(text, 'loss'),
  mode: v.optional(oneOf(['min', 'max'] as const)),
  minDelta: v.optional(notNegative, 0),
  restoreBest: v.optional(boolean, true),
  startFrom: v.optional(integer(0, Number.MAX_SAFE_INTEGER), 0),
} satisfies Record<keyof EarlyStopping, v.GenericSchema>;

const NAME = 'earlyStopping.';
const WAIT = `${NAME}wait`;
const EPOCH = `${NAME}epoch`;

type ParsedEarlyStopping = Required<Omit<EarlyStopping, 'mode'>> & Pick<EarlyStopping, 'mode'>;

/** With all its defaults. @throws SpecError for options that cannot be; `validates`: whether epochs are validated */
export function parseEarlyStopping(asked: EarlyStopping, spec: Spec, validates: boolean, who: string) {
  const { mode, ...options } = parseObject(EARLY_STOPPING, asked, who);
  checkMonitor(spec, options.monitor, validates, who);
  return { ...options, ...(mode && { mode }) } satisfies ParsedEarlyStopping;
}

/** Judges the epochs of one `fit`; of one that asks for no early stopping it forgets what an earlier call left. */
export class EarlyStop {
  readonly #engine: Engine;
  readonly #options: ParsedEarlyStopping | undefined;
  readonly #lower: boolean;
  /** The best value, by its metric: another one says nothing of it. */
  readonly #best: string;

  /** @throws SpecError for options that cannot be; `validates`: whether epochs are validated */
  constructor(engine: Engine, asked: EarlyStopping | undefined, validates: boolean) {
    this.#engine = engine;
    this.#options = asked && parseEarlyStopping(asked, engine.spec, validates, 'fit: earlyStopping');
    const { monitor = '', mode } = this.#options ?? {};
    this.#lower = mode ? mode === 'min' : isLower(monitor);
    this.#best = `${NAME}best.${monitor}`;
  }

  /** Whether epochs are judged at all. */
  get judges(): boolean {
    return this.#options !== undefined;
  }

  /** Whether so many epochs were no better that nothing more is to be trained. */
  get over(): boolean {
    const wait = this.#now(WAIT) ?? 0;
    return this.#options !== undefined && wait > 0 && wait >= this.#options.patience;
  }

  /** Makes room, or goes on where a call that was stopped, or a file, left off. @throws DeviceError without memory */
  async begin(): Promise<void> {
    const keeps = this.#options?.restoreBest === true;
    await this.#engine.recovery.alive(async () => {
      const { best } = this.#engine.executor;
      const goesOn = this.judges && this.#now(this.#best) !== undefined && best.holds === keeps;
      if (!goesOn && (best.holds || this.#names().length > 0)) await this.#forget('drop');
      if (keeps) await best.reserve();
    });
  }

  async judge(event: EpochEvent): Promise<void> {
    if (!this.#options || event.epoch < this.#options.startFrom) return;
    const { monitor, minDelta, restoreBest } = this.#options;
    const value = monitored(event, monitor);
    const best = this.#now(this.#best);
    const gain = best === undefined ? Number.POSITIVE_INFINITY : this.#lower ? best - value : value - best;
    if (!Number.isFinite(value) || gain <= minDelta) {
      decide(this.#engine, { [WAIT]: (this.#now(WAIT) ?? 0) + 1 });
      return;
    }
    const changes = { [this.#best]: value, [EPOCH]: event.epoch, [WAIT]: 0 };
    if (restoreBest) await this.#engine.recovery.alive(() => decideBest(this.#engine, 'keep', changes));
    else decide(this.#engine, changes);
  }

  /** The training has come to its end: the model gets its best weights, and what was counted is forgotten. */
  async end(history: History): Promise<void> {
    if (!this.#options) return;
    const [epoch, value] = [this.#now(EPOCH), this.#now(this.#best)];
    if (epoch !== undefined && value !== undefined) history.best = { epoch, value };
    if (this.over) history.stoppedEarly = true;
    await this.#forget(this.#options.restoreBest ? 'bring' : 'drop');
  }

  #now(name: string): number | undefined {
    return this.#engine.counters.decisions?.[name];
  }

  /** All that stands among the decisions of it. */
  #names(): string[] {
    return Object.keys(this.#engine.counters.decisions ?? {}).filter((name) => name.startsWith(NAME));
  }

  async #forget(deed: 'bring' | 'drop'): Promise<void> {
    const changes = Object.fromEntries(this.#names().map((name) => [name, undefined]));
    await this.#engine.recovery.alive(() => decideBest(this.#engine, deed, changes));
  }
}
