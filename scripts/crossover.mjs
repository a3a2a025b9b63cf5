/** `npm run bench:crossover`: bundles the comparison of CPU and GPU, and runs it on Dawn in Node. */
import { loadBench } from './bundle.mjs';
import { asProgram, say } from './process.mjs';

await asProgram(import.meta.url, async () => {
  const { main } = await loadBench('crossover');
  await main(say);
  process.exit(); // a device of Dawn's keeps the process alive
});
