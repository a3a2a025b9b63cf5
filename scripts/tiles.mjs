/** Translates `wasm/tiles.wat`, which sums tiles of matrix products, to the module that holds its bytes. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './process.mjs';

const source = 'wasm/tiles.wat';
const target = join(root, 'src/math/tiles.generated.ts');

/** The bytes of the WebAssembly module. Throws where the text is wrong, with its line. */
async function translate(text) {
  const { default: load } = await import('wabt');
  const wabt = await load();
  const module = wabt.parseWat(source, text, { simd: true });
  try {
    module.validate();
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** Writes the module where it is missing, or was made of another text. */
export async function ensureTiles() {
  const text = readFileSync(join(root, source), 'utf8').replaceAll('\r\n', '\n');
  const made = `/** Made by scripts/tiles.mjs from ${source}, never edited: WebAssembly in base64. Of ${hash(text)}. */`;
  if (existsSync(target) && readFileSync(target, 'utf8').startsWith(made)) return;
  const bytes = Buffer.from(await translate(text)).toString('base64');
  writeFileSync(target, `${made}\nexport const TILES =\n  '${bytes}';\n`);
}

const hash = (text) => createHash('sha256').update(text).digest('hex');
