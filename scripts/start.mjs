/** `npm start`: from a fresh clone to a network that learns handwritten digits on WebGPU in headless Chrome. */
import { build, buildIsStale } from './build.mjs';
import { chromeRemedy, ensureChrome } from './chrome.mjs';
import { asProgram, say } from './process.mjs';
import { ensurePackages } from './setup.mjs';

await asProgram(import.meta.url, async () => {
  await ensurePackages();
  if (buildIsStale()) {
    say('Building …');
    await build();
  }
  const chrome = await ensureChrome();
  if (chrome) {
    process.env.PUPPETEER_EXECUTABLE_PATH = chrome.path;
  } else {
    say('');
    say('*** NO CHROME WITH WEBGPU CAN BE HAD ON THIS MACHINE: training on what there is instead. ***');
    say(`*** To see it on WebGPU, type: ${chromeRemedy()} ***`);
    say('');
  }
  const task = ['train', '--data', 'digits', '--model', '784-128-10', '--backend', chrome ? 'chrome' : 'auto'];
  const { main } = await import('../dist/cli.js');
  process.exitCode = await main([...task, ...process.argv.slice(2)]);
});
