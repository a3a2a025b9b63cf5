/**
 * Dynamic loss scaling, the rule of `torch.amp.GradScaler` with its defaults: deltas are multiplied by a scale, so that
 * small ones do not become 0 as halves. A step that is too large for halves is left out and halves the scale, 2000 good
 * ones in a row double it. Unlike there the scale stays within two limits.
 */
import type { Real } from './real.ts';

export const LOSS_SCALE = { start: 65_536, interval: 2000, least: 1, most: 2 ** 24 } as const;

/** Takes (scale, good steps since it last changed) from one step to the next. */
export function nextScale(scaler: Real, overflowed: boolean): void {
  const [scale, good] = [scaler[0]!, scaler[1]! + 1];
  if (overflowed) {
    scaler[0] = Math.max(scale / 2, LOSS_SCALE.least);
    scaler[1] = 0;
  } else if (good === LOSS_SCALE.interval) {
    scaler[0] = Math.min(scale * 2, LOSS_SCALE.most);
    scaler[1] = 0;
  } else scaler[1] = good;
}
