/** docs/parity.md says what was measured, of every entry of the catalogue, on every runtime. */
import { describe, expect, it } from 'vitest';
import { cases } from './contract/cases.ts';
import { caseId, type RuntimeName } from './support/contract-runner.ts';
import { checkParity, type Parity, readPage, readParity, renderParity, roundUp } from './support/parity.ts';

const ALL: readonly RuntimeName[] = ['cpu', 'dawn', 'chromium', 'deno'];

describe('docs/parity.md', () => {
  const parity = readParity();
  const own = cases.filter(({ group }) => group.startsWith('parity'));

  it('is what was measured', () => {
    expect(readPage()).toBe(renderParity(parity));
    for (const { adapter, date } of Object.values(parity.runs)) {
      expect(adapter).not.toBe('');
      expect(date).toMatch(/^\d{4}-\d\d-\d\d$/);
    }
  });

  it('has a row for every case and a number for every runtime, and no other', () => {
    const expected = own.map((one) => [caseId(one), one.runtimes ?? ALL]);
    const rows = Object.entries(parity.rows).map(([id, row]) => [id, ALL.filter((runtime) => runtime in row)]);
    expect(rows).toEqual(expected);
    for (const { name } of own) expect(readPage()).toContain(`| \`${name.split(' ')[1]}\` | `);
  });
});

describe('checkParity', () => {
  const parity: Parity = {
    runs: { dawn: { adapter: 'this one', date: '2026-01-01' } },
    rows: { 'parity: loss huber': { dawn: 4e-8 } },
  };
  const check = (deviation: number, adapter = 'this one', id = 'parity: loss huber') =>
    checkParity('dawn', adapter, id, deviation, parity);

  it('fails beyond what the page says, on the same adapter', () => {
    expect(() => check(4e-8)).not.toThrow();
    expect(() => check(4.1e-8)).toThrow('off PyTorch by 4.1e-8, docs/parity.md says at most 4e-8');
    expect(() => check(1e-6, 'another one')).not.toThrow();
  });

  it('fails for what the page does not have', () => {
    expect(() => check(0, 'this one', 'parity: loss new')).toThrow('docs/parity.md has no "parity: loss new" on dawn');
    expect(() => check(0, 'another one', 'parity: loss new')).toThrow('DOWNHILL_PARITY=write');
  });
});

it.each([
  [0, 0],
  [3e-7, 3e-7],
  [3.0001e-7, 4e-7],
  [9.4e-8, 1e-7],
  [9.9e-8, 1e-7],
  [1.5e-16, 2e-16],
  [0.0023, 0.003],
])('%s is rounded up to %s', (deviation, expected) => {
  expect(roundUp(deviation)).toBe(expected);
});
