/** Keeps what tuning found in the page's IndexedDB. */
import type { TuningCache } from '../tuning.ts';

const STORE = 'tuning';

/** The page's cache, or undefined where there is no IndexedDB. A page that may not use it measures anew each time. */
export function pageCache(): TuningCache | undefined {
  if (typeof indexedDB === 'undefined') return undefined;
  const work = async <T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> => {
    const opening = indexedDB.open('downhill', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    const database = await done(opening);
    try {
      return await done(ask(database.transaction(STORE, mode).objectStore(STORE)));
    } finally {
      database.close();
    }
  };
  return {
    get: (key) => work('readonly', (store) => store.get(key)),
    async set(key, value) {
      await work('readwrite', (store) => store.put(value, key));
    },
  };
}

const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
