/** Decides how many steps go into a submit, so that a submit takes about a budget of time. Results do not depend on it. */

/** Longer submits would hold up a page that draws, and a stop. */
const BUDGET_MS = 8;

export class Pacer {
  readonly #fixed: number | undefined;
  readonly #capacity: number;
  #steps = 1;
  #last: number | undefined;

  constructor(capacity: number, fixed?: number) {
    this.#capacity = capacity;
    this.#fixed = fixed;
  }

  get steps(): number {
    return Math.min(this.#fixed ?? this.#steps, this.#capacity);
  }

  /** Called when the metrics of a submit of `steps` steps came back at time `now`, in ms. */
  delivered(steps: number, now: number): void {
    if (this.#last !== undefined) {
      const perStep = Math.max((now - this.#last) / steps, 1e-4);
      this.#steps = Math.max(1, Math.min(Math.floor(BUDGET_MS / perStep), this.#steps * 2));
    }
    this.#last = now;
  }

  /** The next time between deliveries would count a pause. */
  paused(): void {
    this.#last = undefined;
  }
}
