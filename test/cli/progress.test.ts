/** Progress says what there is to say, and no more often than asked. */
import { expect, test } from 'vitest';
import { duration, Progress } from '../../src/cli/progress.ts';

/** A run of 100 steps, one every 100 ms. */
function show(isTTY: boolean): string {
  let text = '';
  let now = 0;
  const screen = {
    isTTY,
    columns: 80,
    write: (part: string) => {
      text += part;
    },
  };
  const progress = new Progress(100, screen, { now: () => now });
  for (let step = 1; step <= 100; step++) {
    now += 100;
    progress.update({ step, loss: 0.5 });
  }
  now += 60_000; // what comes after the last step does not count
  progress.finish(100);
  return text;
}

test('without a terminal a line every five seconds, and the last', () => {
  const lines = show(false).trim().split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^50\/100 {2}loss 0\.5000 {2}10\.\d steps\/s {2}ETA 5 s$/);
  expect(lines[1]).toMatch(/^100\/100 .* 10 s$/);
});

test('on a terminal one line that is drawn again and left at the end', () => {
  const text = show(true);
  expect(text.split('\n')).toHaveLength(2);
  expect(text.split('\r').at(-1)).toContain(`${'█'.repeat(24)}  100/100`);
});

test.each([
  [8.4, '8 s'],
  [125, '2 min 5 s'],
  [3780, '1 h 3 min'],
])('%s seconds are %s', (seconds, words) => {
  expect(duration(seconds)).toBe(words);
});
