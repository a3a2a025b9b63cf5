/** Inside a page: trains with checkpoints in the page's storage. */
import { pageStore } from '../../src/train/page-store.ts';
import { trainUntil } from './durable.ts';

export interface DurablePage {
  /** The step that the training began with, as soon as it did. */
  began: number | undefined;
  /** The digest of the file. */
  train(steps: number, run?: string): Promise<string>;
  checkpoints(run: string): Promise<string[]>;
}

declare global {
  var durable: DurablePage;
}

globalThis.durable = {
  began: undefined,
  async train(steps, run) {
    const file = await trainUntil(
      steps,
      steps,
      { backend: 'cpu' },
      {
        ...(run && { store: await pageStore(run) }),
        began: (step) => {
          globalThis.durable.began = step;
        },
      },
    );
    const digest = await crypto.subtle.digest('SHA-256', file as Uint8Array<ArrayBuffer>);
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  },
  checkpoints: async (run) => (await pageStore(run)).list(),
};
