/** docs/reliability.md promises nothing without a test that is there. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8');
/** Names of tests as they stand in the code and in a quote of them. */
const plain = (text: string) => text.replaceAll(/[\\`’']/g, '');

const promises = read('docs/reliability.md').split('## What is not promised')[0]!;
const rows = [...promises.matchAll(/^\| (?!promise|---)(.+?) \| (.+) \|$/gm)].map(([, promise, proof]) => ({
  promise: promise!,
  proof: proof!,
}));

describe('docs/reliability.md', () => {
  test('has promises', () => {
    expect(rows.length).toBeGreaterThan(10);
  });

  test.each(rows)('names the test of: $promise', ({ proof }) => {
    // `file` "name", "name", `file` "name"
    const files = proof.split(/(?=`test\/)/).filter((part) => part.trim() !== '');
    expect(files[0]).toMatch(/^`test\//);
    for (const part of files) {
      const path = /^`(test\/[^`]+)`/.exec(part)![1]!;
      expect(existsSync(`${root}/${path}`), path).toBe(true);
      const code = plain(read(path));
      const names = [...part.matchAll(/"([^"]+)"/g)].map(([, name]) => name!);
      expect(names, `${path} without a name`).not.toEqual([]);
      for (const name of names) expect(code.includes(plain(name)), `${path}: "${name}"`).toBe(true);
    }
  });
});
