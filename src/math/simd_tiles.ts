/** The sums of tiles in WebAssembly, two columns in a vector: the bits of the plain loops, in half the time. */
import type { Tiles } from './product.ts';
import { TILES } from './tiles.generated.ts';

/** What wasm/tiles.wat exports. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly sum: Tiles['sum'];
}

const PAGE = 65_536;

export class SimdTiles implements Tiles {
  readonly sum: Tiles['sum'];
  readonly #memory: WebAssembly.Memory;
  #numbers: Float64Array;

  private constructor({ memory, sum }: Exports) {
    this.sum = sum;
    this.#memory = memory;
    this.#numbers = new Float64Array(memory.buffer);
  }

  /** Undefined where there is no WebAssembly, or none with vectors, or the page's policy allows none. */
  static async make(): Promise<SimdTiles | undefined> {
    try {
      const { instance } = await WebAssembly.instantiate(Uint8Array.from(atob(TILES), (c) => c.charCodeAt(0)));
      return new SimdTiles(instance.exports as unknown as Exports);
    } catch {
      return undefined; // each engine has its own error for it
    }
  }

  get bytes(): number {
    return this.#memory.buffer.byteLength;
  }

  room(length: number): Float64Array {
    const missing = length * this.#numbers.BYTES_PER_ELEMENT - this.bytes;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / PAGE));
      this.#numbers = new Float64Array(this.#memory.buffer);
    }
    return this.#numbers;
  }
}
