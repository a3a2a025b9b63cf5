/** The page's colours, as the style sheet has them for light and dark. */

export type ColorName =
  | 'page'
  | 'card'
  | 'ink'
  | 'quiet'
  | 'line'
  | 'accent'
  | 'warning'
  | 'shade'
  | `class-${number}`
  | `ramp-${number}`
  | `method-${string}`;

/** Red, green and blue, 0 … 255. */
export type Rgb = readonly [number, number, number];

const dark = matchMedia('(prefers-color-scheme: dark)');
const known = new Map<ColorName, string>();
dark.addEventListener('change', () => known.clear());

/** A colour of the moment, as `rgb(…)`. */
export function color(name: ColorName): string {
  let found = known.get(name);
  if (!found) {
    const probe = document.createElement('i');
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    found = getComputedStyle(probe).color;
    probe.remove();
    known.set(name, found);
  }
  return found;
}

/** The parts of a computed colour. */
export function rgb(css: string): Rgb {
  const [red = 0, green = 0, blue = 0] = (css.match(/[\d.]+/g) ?? []).map(Number);
  return [red, green, blue];
}

/** The colour with this opacity, 0 … 1. */
export function faded(css: string, opacity: number): string {
  return `rgb(${rgb(css).join(' ')} / ${opacity})`;
}

/** A table of `size` colours that runs evenly through `stops`. */
export function ramp(stops: readonly string[], size = 256): Rgb[] {
  const ends = stops.map(rgb);
  return Array.from({ length: size }, (_, i) => {
    const at = (i / (size - 1)) * (ends.length - 1);
    const low = Math.min(Math.floor(at), ends.length - 2);
    const [a, b] = [ends[low]!, ends[low + 1]!];
    const mix = (c: 0 | 1 | 2) => a[c] + (at - low) * (b[c] - a[c]);
    return [mix(0), mix(1), mix(2)];
  });
}

/** Calls back when the person, or the hour, changes between light and dark. */
export function onThemeChange(changed: () => void): void {
  dark.addEventListener('change', changed);
}
