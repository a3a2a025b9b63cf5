/** Calls the command in this process, and keeps what it says. */
import { vi } from 'vitest';
import { main } from '../../src/cli/main.ts';

export interface Ran {
  code: number;
  out: string;
  err: string;
  /** Standard output as JSON lines. */
  events: Record<string, unknown>[];
}

export async function run(...argv: string[]): Promise<Ran> {
  let out = '';
  let err = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text;
    return true;
  });
  const code = await main(argv);
  vi.restoreAllMocks();
  const json = argv.includes('--json') ? out.split('\n').filter(Boolean) : [];
  return { code, out, err, events: json.map((line) => JSON.parse(line)) };
}
