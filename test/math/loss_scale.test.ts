/** The scale of the loss goes as the documentation of `torch.amp.GradScaler` says, between two limits. */
import { expect, test } from 'vitest';
import { LOSS_SCALE, nextScale } from '../../src/math/loss_scale.ts';

/** The scale after these steps; `x` is one that is too large. */
function after(start: number, steps: string, good = 0): number[] {
  const scaler = Float32Array.of(start, good);
  for (const step of steps) nextScale(scaler, step === 'x');
  return [...scaler];
}

test('starts at 2¹⁶, is halved by a step that is too large, doubled by 2000 good ones in a row', () => {
  expect(LOSS_SCALE.start).toBe(65_536);
  expect(after(65_536, 'x')).toEqual([32_768, 0]);
  expect(after(65_536, 'xx')).toEqual([16_384, 0]);
  expect(after(65_536, '.'.repeat(1999))).toEqual([65_536, 1999]);
  expect(after(65_536, '.'.repeat(2000))).toEqual([131_072, 0]);
  expect(after(65_536, `${'.'.repeat(1999)}x${'.'.repeat(2000)}`)).toEqual([65_536, 0]);
  expect(after(65_536, `${'.'.repeat(4001)}`)).toEqual([262_144, 1]);
});

test('stays between 1 and 2²⁴', () => {
  expect(after(2, 'xxx')).toEqual([1, 0]);
  expect(after(2 ** 24, '.', 1999)).toEqual([2 ** 24, 0]);
});
