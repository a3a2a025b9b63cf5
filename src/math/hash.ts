/** A short hash of numbers, for values that differ by accident; who wants two that collide finds them. */

/** MurmurHash3 (Appleby 2011; x86, 32 bits, seed 0) of a sequence of 32-bit words. */
export class Hash {
  #state = 0;
  #words = 0;

  add(words: ArrayLike<number>): this {
    for (let i = 0; i < words.length; i++) {
      const mixed = Math.imul(words[i]!, 0xcc9e2d51);
      const next = this.#state ^ Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
      this.#state = (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0;
    }
    this.#words += words.length;
    return this;
  }

  /** Of all that was added: eight hexadecimal digits. */
  get text(): string {
    let bits = this.#state ^ (4 * this.#words);
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return ((bits ^ (bits >>> 16)) >>> 0).toString(16).padStart(8, '0');
  }
}
