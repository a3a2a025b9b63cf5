/** The race: one trainer per method, all from one start, step by step together; each leaves a path. */
import { createTrainer, NonFiniteError, type Runtime, type SpecInput, type Trainer } from 'downhill';
import type { Landscape, Position } from './landscapes.ts';
import type { Method, MethodSettings } from './methods.ts';

/** Beyond this many points a path keeps every second one. */
const MAX_POINTS = 3000;
/** Readbacks of one method that may be on their way; the next step waits for the oldest of more. */
const MAX_READS = 2;

/** What a method trains: also what a reader of the page can hand to the library to get the same numbers. */
export function specOf(landscape: Landscape, method: Method, settings: MethodSettings, seed: number): SpecInput {
  const rows = landscape.data.y.length / Math.max(1, landscape.inputs);
  const mini = Math.min(settings.batchSize, rows);
  return {
    inputs: landscape.inputs,
    layers: landscape.layers,
    loss: landscape.loss,
    optimizer: method.optimizer(settings),
    batchSize: method.batch === 'mini' ? mini : method.batch,
    seed,
  };
}

/** One method on its way. */
export class Lane {
  readonly method: Method;
  /** Where it was, every `stride` steps, and the exact cost there. */
  path: Position[] = [];
  costs: number[] = [];
  steps: number[] = [];
  /** Where it is. */
  position: Position;
  cost: number;
  step = 0;
  /** The step whose loss was no finite number any more. */
  diverged: number | undefined;
  readonly #trainer: Trainer;
  readonly #landscape: Landscape;
  readonly #walk: AsyncGenerator<{ step: number }>;
  readonly #reads: Promise<void>[] = [];

  constructor(method: Method, trainer: Trainer, landscape: Landscape, start: Position) {
    this.method = method;
    this.#trainer = trainer;
    this.#landscape = landscape;
    this.#walk = trainer.steps(landscape.data);
    this.position = start;
    this.cost = landscape.cost(start);
    this.#keep(0);
  }

  get backend(): string {
    return this.#trainer.backend;
  }

  /** One update. Its position comes back some time later: nothing waits for it, but for the one two steps ahead. */
  async advance(stride: number): Promise<void> {
    if (this.diverged !== undefined) return;
    try {
      const { value } = await this.#walk.next();
      if (!value) return;
      const read = this.#trainer.weights().then((weights) => {
        this.position = this.#landscape.positionOf(weights);
        this.cost = this.#landscape.cost(this.position);
        this.step = value.step;
        if (value.step % stride === 0) this.#keep(value.step);
      });
      read.catch(() => {}); // thrown where it is awaited
      this.#reads.push(read);
      if (this.#reads.length > MAX_READS) await this.#reads.shift();
    } catch (error) {
      if (!(error instanceof NonFiniteError)) throw error;
      this.diverged = this.step + 1;
    }
  }

  /** Waits until the position is that of the last step. */
  async settle(): Promise<void> {
    await Promise.all(this.#reads.splice(0));
  }

  thin(): void {
    const everySecond = (_: unknown, i: number) => i % 2 === 0;
    this.path = this.path.filter(everySecond);
    this.costs = this.costs.filter(everySecond);
    this.steps = this.steps.filter(everySecond);
  }

  async dispose(): Promise<void> {
    await this.#walk.return(undefined);
    await this.settle().catch(() => {});
    await this.#trainer.dispose();
  }

  #keep(step: number): void {
    this.path.push(this.position);
    this.costs.push(this.cost);
    this.steps.push(step);
  }
}

export interface RaceOptions {
  landscape: Landscape;
  methods: readonly Method[];
  settings: MethodSettings;
  start: Position;
  seed: number;
  runtime: Runtime;
}

export class Race {
  readonly lanes: readonly Lane[];
  readonly landscape: Landscape;
  /** Finished steps of all that still go on. */
  step = 0;
  #stride = 1;
  #going: Promise<void> | undefined;
  #stop = false;

  private constructor(landscape: Landscape, lanes: readonly Lane[]) {
    this.landscape = landscape;
    this.lanes = lanes;
  }

  static async create({ landscape, methods, settings, start, seed, runtime }: RaceOptions): Promise<Race> {
    const lanes = await Promise.all(
      methods.map(async (method) => {
        const trainer = await createTrainer(specOf(landscape, method, settings, seed), runtime);
        await trainer.setWeights(landscape.weightsAt(start));
        return new Lane(method, trainer, landscape, start);
      }),
    );
    return new Race(landscape, lanes);
  }

  get running(): boolean {
    return this.#going !== undefined;
  }

  /** One step of every method. */
  async advance(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.advance(this.#stride)));
    this.step++;
    if (this.step / this.#stride < MAX_POINTS) return;
    this.#stride *= 2;
    for (const lane of this.lanes) lane.thin();
  }

  async settle(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.settle()));
  }

  /** Goes on until `pause`, or until all have diverged; `perSecond` says how fast. Calls back after every step. */
  run(perSecond: () => number, onStep: () => void): Promise<void> {
    this.#going ??= this.#run(perSecond, onStep).finally(() => {
      this.#going = undefined;
    });
    return this.#going;
  }

  async #run(perSecond: () => number, onStep: () => void): Promise<void> {
    this.#stop = false;
    let next = performance.now();
    while (!this.#stop && this.lanes.some(({ diverged }) => diverged === undefined)) {
      await this.advance();
      onStep();
      next = Math.max(next + 1000 / perSecond(), performance.now());
      await new Promise((done) => setTimeout(done, next - performance.now()));
    }
    await this.settle();
    onStep();
  }

  async pause(): Promise<void> {
    this.#stop = true;
    await this.#going?.catch(() => {});
  }

  async dispose(): Promise<void> {
    await this.pause();
    await Promise.all(this.lanes.map((lane) => lane.dispose()));
  }
}
