/** Checkpoints in the page's own storage: the origin's private file system, or IndexedDB where that cannot write. */
import { CheckpointError } from '../errors.ts';
import { indexedDbStore } from '../run/indexed-db.ts';
import { type CheckpointStore, checkName } from './checkpoints.ts';

/**
 * The store of the run with this name, in a page or a worker: the same name finds the same checkpoints after the page was
 * closed. Browsers may empty the storage of a page; `navigator.storage.persist()` asks them not to.
 * @throws CheckpointError `checkpoint/name`; `checkpoint/no-storage` where there is neither storage
 */
export async function pageStore(run: string): Promise<CheckpointStore> {
  checkName(run);
  const folder = await privateFolder(run);
  if (folder) return folderStore(folder);
  if (typeof indexedDB !== 'undefined') return databaseStore(run);
  throw new CheckpointError(
    'checkpoint/no-storage',
    'pageStore: got neither a private file system nor IndexedDB, expected one; use https or localhost, or folderStore of "downhill/node" in Node.',
  );
}

/** A folder of the origin's private file system; undefined where there is none, or none whose files are written whole. */
async function privateFolder(run: string): Promise<FileSystemDirectoryHandle | undefined> {
  if (typeof FileSystemFileHandle === 'undefined' || !('createWritable' in FileSystemFileHandle.prototype)) return;
  try {
    const root = await navigator.storage.getDirectory();
    const all = await root.getDirectoryHandle('downhill', { create: true });
    return await all.getDirectoryHandle(run, { create: true });
  } catch (error) {
    // A private window may have the words and not the storage.
    if (error instanceof DOMException && (error.name === 'SecurityError' || error.name === 'NotAllowedError')) return;
    throw error;
  }
}

/** What is written becomes the file when it is closed, all at once. Until its first time the file is there, and empty. */
const folderStore = (folder: FileSystemDirectoryHandle): CheckpointStore => ({
  async write(name, bytes) {
    const file = await folder.getFileHandle(checkName(name), { create: true });
    const stream = await file.createWritable();
    await stream.write(bytes as Uint8Array<ArrayBuffer>);
    await stream.close();
  },
  async read(name) {
    const file = await (await folder.getFileHandle(checkName(name))).getFile();
    return new Uint8Array(await file.arrayBuffer());
  },
  async list() {
    const names: string[] = [];
    // Types of `dom` do not have the iterator yet.
    for await (const handle of (folder as unknown as { values(): AsyncIterable<FileSystemFileHandle> }).values()) {
      if (handle.kind === 'file' && (await handle.getFile()).size > 0) names.push(handle.name);
    }
    return names;
  },
  remove: (name) => folder.removeEntry(checkName(name)).catch(unlessMissing),
});

function unlessMissing(error: unknown): void {
  if (!(error instanceof DOMException && error.name === 'NotFoundError')) throw error;
}

/** @internal Keys are RUN/NAME. */
export function databaseStore(run: string): CheckpointStore {
  const work = indexedDbStore('downhill-checkpoints', 'files');
  const key = (name: string) => `${run}/${checkName(name)}`;
  return {
    async write(name, bytes) {
      await work('readwrite', (files) => files.put(bytes.slice(), key(name)));
    },
    async read(name) {
      const bytes: unknown = await work('readonly', (files) => files.get(key(name)));
      if (bytes instanceof Uint8Array) return bytes;
      throw new CheckpointError('checkpoint/missing', `pageStore: ${run} has no ${name}.`);
    },
    async list() {
      const keys = await work('readonly', (files) => files.getAllKeys(IDBKeyRange.bound(`${run}/`, `${run}/\uffff`)));
      return keys.map((one) => String(one).slice(run.length + 1));
    },
    async remove(name) {
      await work('readwrite', (files) => files.delete(key(name)));
    },
  };
}
