import { describe, expect, it } from 'vitest';
import { Pacer } from '../../src/train/pacer.ts';

/** The sizes of submits when each step takes `ms`. */
function sizes(pacer: Pacer, ms: number, count: number): number[] {
  let now = 0;
  return Array.from({ length: count }, () => {
    const { steps } = pacer;
    now += steps * ms;
    pacer.delivered(steps, now);
    return steps;
  });
}

describe('pacer', () => {
  it('doubles until a submit takes 8 ms', () => {
    expect(sizes(new Pacer(256), 0.5, 9)).toEqual([1, 1, 2, 4, 8, 16, 16, 16, 16]);
  });

  it('stays at one step where a step takes longer than that', () => {
    expect(sizes(new Pacer(256), 50, 4)).toEqual([1, 1, 1, 1]);
  });

  it('falls back at once when steps become slow', () => {
    const pacer = new Pacer(256);
    sizes(pacer, 0.1, 9);
    pacer.paused();
    pacer.delivered(64, 1000);
    pacer.delivered(64, 1000 + 64 * 4);
    expect(pacer.steps).toBe(2);
  });

  it('keeps to what a feed holds, and to a number that was given', () => {
    expect(Math.max(...sizes(new Pacer(10), 0.001, 20))).toBe(10);
    expect(sizes(new Pacer(256, 7), 0.001, 4)).toEqual([7, 7, 7, 7]);
    expect(sizes(new Pacer(5, 7), 100, 2)).toEqual([5, 5]);
  });

  it('does not count a pause', () => {
    const pacer = new Pacer(256);
    sizes(pacer, 0.5, 7);
    pacer.paused();
    pacer.delivered(16, 60_000);
    expect(pacer.steps).toBe(16);
  });
});
