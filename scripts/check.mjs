/** The checks that run nothing: shaders, types, lint and format. */
import { ensureGenerated } from './generated.mjs';
import { asProgram, runPackage, say } from './process.mjs';
import { ensurePackages } from './setup.mjs';
import { ShaderError } from './shaders.mjs';

/** Runs the checks, shows what fails, and returns `{ passed, failed }`. */
export async function check() {
  try {
    await ensureGenerated();
  } catch (error) {
    if (!(error instanceof ShaderError)) throw error;
    say(error.message); // types would only repeat it
    return { passed: 0, failed: 1 };
  }
  const checks = await Promise.all([
    runPackage('typescript/bin/tsc', ['--noEmit', '-p', '.', '--pretty'], { output: 'keep' }),
    runPackage('@biomejs/biome/bin/biome', ['check', '--colors=off', '.'], { output: 'keep' }),
  ]);
  for (const [i, name] of ['types', 'lint and format'].entries()) {
    say(`${checks[i].code === 0 ? 'passed' : 'FAILED'}: ${name}`);
    if (checks[i].code !== 0) say(checks[i].output);
  }
  const failed = checks.filter(({ code }) => code !== 0).length;
  return { passed: 1 + checks.length - failed, failed };
}

await asProgram(import.meta.url, async () => {
  await ensurePackages();
  const { failed } = await check();
  process.exitCode = failed > 0 ? 1 : 0;
});
