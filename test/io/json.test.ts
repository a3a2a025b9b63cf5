/** Strict JSON: equal to `JSON.parse` where both answer, and closed to what it lets pass. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { parseJson } from '../../src/io/json.ts';

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CheckpointError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('parseJson', () => {
  test('gives what JSON.parse gives for any JSON text', () => {
    const compact = fc.json({ maxDepth: 6 });
    const spaced = fc.jsonValue({ maxDepth: 6 }).map((value) => JSON.stringify(value, null, '\t '));
    fc.assert(
      fc.property(fc.oneof(compact, spaced), (text) => {
        expect(parseJson(text, 'test')).toEqual(JSON.parse(text));
      }),
    );
  });

  test('takes any other text for what it is', () => {
    const texts = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0a \n') }));
    fc.assert(
      fc.property(texts, (text) => {
        let legal = true;
        try {
          JSON.parse(text);
        } catch {
          legal = false;
        }
        const answer = code(() => parseJson(text, 'test'));
        if (!legal) expect(answer).toMatch(/^checkpoint\//);
        else expect(['accepted', 'checkpoint/duplicate-key']).toContain(answer);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['at the top', '{"a":1,"b":2,"a":3}'],
    ['deep inside', '{"x":[1,{"y":{"a":1,"a":1}}]}'],
    ['under another spelling', '{"a":1,"\\u0061":2}'],
    ['with space before the colon', '{"a" :1,"a"\n:2}'],
    ['of __proto__', '{"__proto__":1,"__proto__":2}'],
    ['after a nested object', '{"a":{"b":1},"a":1}'],
    ['around a string value that looks like structure', '{"a":"}{\\"","a":1}'],
  ])('refuses a duplicate key %s', (_, text) => {
    expect(code(() => parseJson(text, 'test'))).toBe('checkpoint/duplicate-key');
  });

  test.each([
    ['the same key in two objects', '[{"a":1},{"a":2}]'],
    ['a key that is also a value', '{"a":"a","b":["a","a"]}'],
    ['a key again inside its own value', '{"a":{"a":{"a":1}}}'],
    ['keys of Object.prototype', '{"constructor":1,"__proto__":2,"toString":3}'],
  ])('accepts %s', (_, text) => {
    expect(code(() => parseJson(text, 'test'))).toBe('accepted');
  });

  test('keeps __proto__ as a key of its own and no prototype', () => {
    const value = parseJson('{"__proto__":{"polluted":true}}', 'test') as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('limits the depth, before anything is built', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(code(() => parseJson(nested(64), 'test'))).toBe('accepted');
    expect(code(() => parseJson(nested(65), 'test'))).toBe('checkpoint/json');
    expect(code(() => parseJson('{"a":'.repeat(1_000_000), 'test'))).toBe('checkpoint/json');
    expect(code(() => parseJson('[[[]]]', 'test', { depth: 3 }))).toBe('accepted');
    expect(code(() => parseJson('[[[]]]', 'test', { depth: 2 }))).toBe('checkpoint/json');
  });

  test('refuses half a surrogate pair in a key', () => {
    expect(code(() => parseJson('{"\\ud800":1}', 'test'))).toBe('checkpoint/json');
    expect(code(() => parseJson('{"\\ud83d\\ude00":1}', 'test'))).toBe('accepted');
  });

  test.each(['-1', '-0', '1.5', '1.0', '1e3', 'true', 'false', 'null'])('with digitsOnly refuses %s', (scalar) => {
    expect(code(() => parseJson(`{"a":[0,${scalar}]}`, 'test', { digitsOnly: true }))).toBe('checkpoint/json');
    expect(code(() => parseJson(`{"a":[0,${scalar}]}`, 'test'))).toBe('accepted');
  });

  test('with digitsOnly takes digits, any string and white space', () => {
    const text = '{ "true":\t["-1.5e3", 10, 0],\r\n"b": [] }';
    expect(parseJson(text, 'test', { digitsOnly: true })).toEqual({ true: ['-1.5e3', 10, 0], b: [] });
  });
});
