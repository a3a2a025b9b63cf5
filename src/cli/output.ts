/** What the command says: results on standard output, everything else on standard error. */
import type { Screen } from './progress.ts';

export class Output {
  readonly json: boolean;
  readonly screen: Screen = process.stderr;

  constructor(json: boolean) {
    this.json = json;
  }

  /** Something for the person in front of the screen. */
  say(line: string): void {
    this.screen.write(`${line}\n`);
  }

  /** A line of the result. */
  result(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  /** An event, where JSON lines were asked for. */
  event(event: Record<string, unknown>): void {
    if (this.json) this.result(JSON.stringify(event));
  }
}

/** A reader that has had enough, as `head` has, is no failure. */
export function tolerateClosedPipe(): void {
  if (process.stdout.listeners('error').includes(onStdoutError)) return;
  process.stdout.on('error', onStdoutError);
}

function onStdoutError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
}
