/** Trains the recipe on MNIST's test files: all but the last 2,000 rows, on which it is tested. */
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { createTrainer, parseIdx } from 'downhill';

const { trainRows, epochs, spec } = JSON.parse(await readFile(new URL('recipe.json', import.meta.url), 'utf8'));
const [imagesFile, labelsFile] = process.argv.slice(2);
if (!labelsFile) throw new Error('usage: node examples/mnist-recipe/train.mjs IMAGES.gz LABELS.gz');

const read = async (file) => (await parseIdx(await readFile(file), file)).values;
const [images, labels] = await Promise.all([read(imagesFile), read(labelsFile)]);
const rows = (from, to) => ({
  x: images.subarray(from * spec.inputs, to * spec.inputs),
  y: labels.subarray(from, to),
});
const unseen = rows(trainRows, labels.length);

const trainer = await createTrainer(spec, { backend: 'cpu' });
console.log(`${new Date().toISOString()}, Node ${process.version}, CPU: ${cpus().length} × ${cpus()[0].model}`);
const started = performance.now();
await trainer.fit(rows(0, trainRows), {
  epochs,
  onEpoch: ({ epoch, loss }) => console.log(`epoch ${epoch + 1} of ${epochs}: loss ${loss.toFixed(4)}`),
});
const seconds = ((performance.now() - started) / 1000).toFixed(0);
const { loss, accuracy } = await trainer.evaluate(unseen);
console.log(
  `after ${seconds} s: ${(100 * accuracy).toFixed(2)} % of ${unseen.y.length} unseen rows, loss ${loss.toFixed(4)}`,
);
await trainer.dispose();
