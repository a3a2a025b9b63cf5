/** Checkpoints in a folder: whole files or none, and nothing left of those that were killed. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { folderStore } from '../../src/node/folder-store.ts';

const root = mkdtempSync(join(tmpdir(), 'downhill-store-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('writes, reads, lists and removes', async () => {
  const folder = join(root, 'deep', 'inside');
  const store = folderStore(folder);
  expect(await store.list()).toEqual([]);
  await store.remove('a.safetensors');
  expect(existsSync(folder)).toBe(false); // made when something is written
  await store.write('a.safetensors', Uint8Array.of(1, 2));
  await store.write('b.safetensors', Uint8Array.of(3));
  await store.write('a.safetensors', Uint8Array.of(4, 5, 6));
  mkdirSync(join(folder, 'a folder'));
  expect((await store.list()).sort()).toEqual(['a.safetensors', 'b.safetensors']);
  expect([...(await store.read('a.safetensors'))]).toEqual([4, 5, 6]);
  await store.remove('a.safetensors');
  expect(await store.list()).toEqual(['b.safetensors']);
  await expect(store.read('a.safetensors')).rejects.toThrow('ENOENT');
});

test('stays in its folder', async () => {
  const store = folderStore(join(root, 'own'));
  for (const name of ['../out', '/etc/passwd', 'a/b', '..']) {
    await expect(store.write(name, Uint8Array.of(1))).rejects.toThrow(CheckpointError);
    expect(() => store.read(name)).toThrow(CheckpointError);
    expect(() => store.remove(name)).toThrow(CheckpointError);
  }
});

test('a file that could not be moved into its place leaves nothing behind', async () => {
  const folder = join(root, 'blocked');
  mkdirSync(join(folder, 'a.safetensors', 'in the way'), { recursive: true });
  await expect(folderStore(folder).write('a.safetensors', Uint8Array.of(1))).rejects.toThrow();
  expect(readdirSync(folder)).toEqual(['a.safetensors']);
});

test('clears away what killed processes left, and nothing else', async () => {
  const folder = join(root, 'leftovers');
  mkdirSync(folder);
  const { pid: gone } = spawnSync(process.execPath, ['-e', '']);
  const leftover = `checkpoint-000001-step-5.safetensors.${gone}.part`;
  const others = [`a.safetensors.${process.pid}.part`, 'a.safetensors.1.part', 'mine.part', 'part', 'x.1x.part'];
  for (const name of [leftover, ...others]) writeFileSync(join(folder, name), 'half');
  const store = folderStore(folder);
  await store.write('b.safetensors', Uint8Array.of(1));
  expect(readdirSync(folder).sort()).toEqual([...others, 'b.safetensors'].sort());
});
