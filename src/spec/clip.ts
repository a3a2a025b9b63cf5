/** How a spec holds gradients back: by value or by a norm. */
import { SpecError } from '../errors.ts';

/** Each value, each tensor by its norm, or all tensors by the norm of all. */
export interface Clip {
  readonly by: 'value' | 'norm' | 'globalNorm';
  readonly limit: number;
}

/** The keys of a spec. */
export const CLIPS = { clipValue: 'value', clipNorm: 'norm', globalClipNorm: 'globalNorm' } as const;
type Clips = { readonly [key in keyof typeof CLIPS]?: number | undefined };

const keysOf = (given: Clips) => (Object.keys(CLIPS) as (keyof Clips)[]).filter((key) => given[key] !== undefined);

/** @throws SpecError for more than one way */
export function parseClip(given: Clips, who: string): { readonly [key in keyof Clips]?: number } {
  const keys = keysOf(given);
  if (keys.length > 1) {
    throw new SpecError(
      'spec/value',
      `${who}: got ${keys.join(' and ')}, expected at most one way to clip gradients; leave out all but one.`,
    );
  }
  return Object.fromEntries(keys.map((key) => [key, given[key]]));
}

/** How gradients are held back, if they are. */
export function clipOf(spec: Clips): Clip | undefined {
  const [key] = keysOf(spec);
  return key && { by: CLIPS[key], limit: spec[key]! };
}

/** The key that asks for an update of all gradients at once, if one does. */
export function togetherOf(
  spec: Clips & { readonly gradientAccumulationSteps?: number; readonly gradientNorms?: boolean },
): string | undefined {
  const [key] = keysOf(spec);
  if (key && key !== 'clipValue') return key;
  if (spec.gradientAccumulationSteps !== undefined) return 'gradientAccumulationSteps';
  return spec.gradientNorms ? 'gradientNorms' : undefined;
}
