/** Inside a page: trains for long, often, and for ever. */
import type { Trainer } from '../../src/train/trainer.ts';
import { endless, growth } from './nights.ts';

declare global {
  var nights: {
    trainer: Trainer | undefined;
    /** How the training without an end ended. */
    ended: string | undefined;
    begin(): Promise<void>;
    growth(steps: number, rounds: number): ReturnType<typeof growth>;
  };
}

globalThis.nights = {
  trainer: undefined,
  ended: undefined,
  async begin() {
    const { trainer, ended } = await endless();
    globalThis.nights.trainer = trainer;
    ended.then(
      () => (globalThis.nights.ended = 'it resolved'),
      (error) => (globalThis.nights.ended = String(error)),
    );
  },
  growth: (steps, rounds) => {
    const { gc } = globalThis as unknown as { gc(): void };
    const { memory } = performance as unknown as { memory: { usedJSHeapSize: number } };
    return growth(navigator.gpu, { steps, rounds }, () => {
      gc();
      return memory.usedJSHeapSize;
    });
  },
};
