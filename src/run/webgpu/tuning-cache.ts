/** Keeps what tuning found in the page's IndexedDB. */
import { indexedDbStore } from '../indexed-db.ts';
import type { TuningCache } from '../tuning.ts';

/** The page's cache, or undefined where there is no IndexedDB. A page that may not use it measures anew each time. */
export function pageCache(): TuningCache | undefined {
  if (typeof indexedDB === 'undefined') return undefined;
  const work = indexedDbStore('downhill', 'tuning');
  return {
    get: (key) => work('readonly', (store) => store.get(key)),
    async set(key, value) {
      await work('readwrite', (store) => store.put(value, key));
    },
  };
}
