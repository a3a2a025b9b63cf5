/** A process that trains with checkpoints in a folder: `node … FOLDER BACKEND END STEPS EVERY`. */
import { folderStore, nodeGpu, writeFileWhole } from '../../src/node/index.ts';
import { trainUntil } from './durable.ts';

const [folder, backend, ...numbers] = process.argv.slice(2) as [string, string, ...string[]];
const [end, steps, every] = numbers.map(Number) as [number, number, number];
const runtime = backend === 'cpu' ? ({ backend } as const) : { gpu: (await nodeGpu({ software: true })).gpu };
const file = await trainUntil(end, steps, runtime, {
  ...(every > 0 && { store: folderStore(folder), every }),
  began: (step) => console.log(`began ${step}`),
});
await writeFileWhole(`${folder}.result`, file);
process.exit(0); // Dawn would keep the process alive
