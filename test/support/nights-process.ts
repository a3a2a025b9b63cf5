/** A process that trains for long and often on Dawn, and prints what grew: `node --expose-gc …`. */
import { nodeGpu } from '../../src/node/index.ts';
import { growth } from './nights.ts';

const { gpu } = await nodeGpu({ software: true });
const gc = (globalThis as unknown as { gc(): void }).gc;
const grown = await growth(gpu, { steps: 20_000, rounds: 200 }, () => {
  gc();
  return process.memoryUsage().heapUsed;
});
console.log(JSON.stringify({ ...grown, rss: process.memoryUsage().rss }));
process.exit(0); // Dawn would keep the process alive
