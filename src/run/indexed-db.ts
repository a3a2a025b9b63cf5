/** One object store of the page's IndexedDB, opened for each piece of work. */

export type Work = <T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>) => Promise<T>;

/** Work on the object store of the same name in a database; it resolves when what it did will outlive the page. */
export const indexedDbStore =
  (database: string, name: string): Work =>
  async (mode, ask) => {
    const opening = indexedDB.open(database, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(name);
    const opened = await done(opening);
    try {
      const transaction = opened.transaction(name, mode, { durability: 'strict' });
      const completed = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error);
      });
      const request = ask(transaction.objectStore(name));
      await completed;
      return request.result;
    } finally {
      opened.close();
    }
  };

const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
