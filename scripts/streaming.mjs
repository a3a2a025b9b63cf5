/** `npm run bench:streaming [-- webgpu]`: bundles the comparison of streamed and resident rows, runs it, keeps the result. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadBench } from './bundle.mjs';
import { asProgram, root, say } from './process.mjs';

await asProgram(import.meta.url, async () => {
  const { main } = await loadBench('streaming');
  const backend = process.argv[2] ?? 'cpu';
  const report = await main(say, backend);
  const file = join('bench', 'results', `streaming-${backend}-${report.date.slice(0, 10)}.json`);
  writeFileSync(join(root, file), `${JSON.stringify(report, null, 2)}\n`);
  say(file);
  process.exit(); // a device of Dawn's keeps the process alive
});
