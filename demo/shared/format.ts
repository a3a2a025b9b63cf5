/** Numbers as people read them. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

/** 12,345 */
export const count = (value: number): string => whole.format(value);

/** Three digits that matter; very small and very large numbers with an exponent. */
export function brief(value: number): string {
  if (!Number.isFinite(value)) return '∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  const text = size < 1e-3 || size >= 1e5 ? value.toExponential(1) : value.toPrecision(3);
  return minus(text);
}

/** A coordinate: two digits behind the point. */
export const place = (value: number): string => (Math.abs(value) < 1e4 ? minus(value.toFixed(2)) : brief(value));

/** Round numbers within a range, about `count` of them, without its ends. */
export function marks([low, high]: readonly [number, number], count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step + 0.3);
  const last = Math.floor(high / step - 0.3);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}

/** For the marks of an axis. */
export const tick = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? minus(value.toExponential(0)) : minus(compact.format(value));

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const minus = (text: string): string => text.replaceAll('-', '−');
