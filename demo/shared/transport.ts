/** The buttons Start, Step and Reset, and the state of the page they show. */
import { element } from './dom.ts';
import { showNotice } from './place.ts';

export type State = 'starting' | 'ready' | 'running' | 'paused' | 'stopped' | 'unsupported';

export interface Actions {
  start(): void;
  pause(): void;
  step(): Promise<void>;
  reset(): Promise<void>;
}

export class Transport {
  /** Whether the person wants training to go on, also over a change of the settings. */
  wanted = false;
  /** What changes the training happens one after the other. */
  #queue: Promise<void> = Promise.resolve();
  readonly #start = element<HTMLButtonElement>('start');
  readonly #step = element<HTMLButtonElement>('step');
  readonly #reset = element<HTMLButtonElement>('reset');

  constructor(actions: Actions) {
    this.#start.addEventListener('click', () => {
      this.wanted = this.state !== 'running';
      if (this.wanted) actions.start();
      else actions.pause();
    });
    this.#step.addEventListener('click', () => this.inTurn(actions.step));
    this.#reset.addEventListener('click', () => {
      this.wanted = false;
      this.inTurn(actions.reset);
    });
  }

  /** Runs `action` when everything asked for before is done. */
  inTurn(action: () => Promise<void>): void {
    this.#queue = this.#queue.then(action).catch((error) => this.fail(error));
  }

  get state(): State {
    return document.body.dataset.state as State;
  }

  set state(state: State) {
    document.body.dataset.state = state;
    const usable = state === 'ready' || state === 'paused' || state === 'running';
    this.#start.disabled = !usable;
    this.#start.textContent = state === 'running' ? 'Pause' : state === 'paused' ? 'Continue' : 'Start';
    this.#step.disabled = !usable || state === 'running';
    this.#reset.disabled = !usable && state !== 'stopped';
  }

  /** Shows what ended the training. */
  fail(error: unknown): void {
    this.wanted = false;
    showNotice(error);
    this.state = 'stopped';
  }
}
