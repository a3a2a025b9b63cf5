/** Sliders that say their value, on a straight or a logarithmic scale. */
import { element } from './dom.ts';
import { brief } from './format.ts';

/**
 * The `<input type="range">` with this id and its `<output>`. With `data-log` the range is of the exponent of ten, and
 * the value has two digits that matter.
 */
export class Slider {
  readonly #input: HTMLInputElement;
  readonly #show: (value: number) => string;

  constructor(id: string, changed: () => void, show: (value: number) => string = brief) {
    this.#input = element<HTMLInputElement>(id);
    this.#show = show;
    this.#input.addEventListener('input', () => {
      this.#say();
      changed();
    });
    this.#say();
  }

  get value(): number {
    const position = Number(this.#input.value);
    return this.#logarithmic ? Number((10 ** position).toPrecision(2)) : position;
  }

  set value(value: number) {
    this.#input.value = String(this.#logarithmic ? Math.log10(value) : value);
    this.#say();
  }

  set enabled(enabled: boolean) {
    this.#input.disabled = !enabled;
  }

  get #logarithmic(): boolean {
    return this.#input.dataset.log !== undefined;
  }

  #say(): void {
    const text = this.#show(this.value);
    this.#input.setAttribute('aria-valuetext', text);
    const output = document.querySelector<HTMLOutputElement>(`output[for="${this.#input.id}"]`);
    if (output) output.textContent = text;
  }
}
