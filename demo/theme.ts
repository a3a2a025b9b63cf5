/** The page's colours, as the style sheet has them for light and dark. */

export interface Theme {
  card: string;
  ink: string;
  quiet: string;
  line: string;
  accent: string;
  classes: string[];
}

/** Red, green and blue, 0 … 255. */
export type Rgb = readonly [number, number, number];

const dark = matchMedia('(prefers-color-scheme: dark)');

/** The colours of the moment. */
export function readTheme(): Theme {
  const probe = document.createElement('i');
  document.body.append(probe);
  const color = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const theme = {
    card: color('card'),
    ink: color('ink'),
    quiet: color('quiet'),
    line: color('line'),
    accent: color('accent'),
    classes: [0, 1, 2].map((label) => color(`class-${label}`)),
  };
  probe.remove();
  return theme;
}

/** Calls back when the person, or the hour, changes between light and dark. */
export function onThemeChange(changed: () => void): void {
  dark.addEventListener('change', changed);
}

/** The parts of a computed colour. */
export function rgb(color: string): Rgb {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map(Number);
  return [red, green, blue];
}
