/** Data sets on the executor: a `Dataset` is checked and uploaded once, other data every time. */
import { encodeRows } from '../data/encode.ts';
import type { Rows } from '../data/types.ts';
import type { Executor, LoadedData } from '../run/executor.ts';
import type { Spec } from '../spec/spec.ts';
import { Dataset } from './dataset.ts';
import { Selection } from './selection.ts';
import type { Data } from './types.ts';

export interface Upload {
  readonly rows: Rows;
  readonly loaded: LoadedData;
  /** Disposes of data that is not kept. */
  release(): void;
}

export class Uploads {
  readonly #kept = new Map<Data, Upload>();

  /** @throws DataError that opens with `who` */
  rows(spec: Spec, data: Data, who: string): Rows {
    return this.#kept.get(whole(data))?.rows ?? encodeRows(spec, data, who);
  }

  async load(executor: Executor, data: Data, rows: Rows): Promise<Upload> {
    const key = whole(data);
    const kept = this.#kept.get(key);
    if (kept) return kept;
    const loaded = await executor.load(rows);
    if (!(key instanceof Dataset)) return { rows, loaded, release: () => loaded.dispose() };
    const upload = { rows, loaded, release: () => {} };
    this.#kept.set(key, upload);
    return upload;
  }

  /** Gives the upload of a data set back. */
  forget(data: Dataset): void {
    this.#kept.get(data)?.loaded.dispose();
    this.#kept.delete(data);
  }

  /** Brings what is kept to another executor. */
  async move(executor: Executor): Promise<void> {
    for (const [data, { rows, loaded, release }] of this.#kept) {
      loaded.dispose();
      this.#kept.set(data, { rows, loaded: await executor.load(rows), release });
    }
  }

  dispose(): void {
    for (const { loaded } of this.#kept.values()) loaded.dispose();
    this.#kept.clear();
  }
}

/** What is uploaded of some data. */
const whole = (data: Data): Data => (data instanceof Selection ? data.of : data);

/** About what the data of a call take. */
export const bytesOf = ({ x }: Data, { inputs }: Spec): number =>
  ArrayBuffer.isView(x) ? x.byteLength : 8 * inputs * x.length;
