/** Shows a report in the browser while it is made: a server on this machine, with one page that draws itself anew. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UsageError } from '../errors.ts';
import { hashOf } from './html.ts';
import { STYLE } from './style.ts';

/** At most so often, in ms. */
const REDRAW_MS = 500;

/** Puts what arrives in its place; what was folded out stays so. */
const SCRIPT = `
const source = new EventSource('events');
const main = document.querySelector('main');
source.onmessage = ({ data }) => {
  const open = main.querySelector('details')?.open;
  main.innerHTML = JSON.parse(data);
  if (open) main.querySelector('details').open = true;
};
source.addEventListener('end', () => source.close());
`;

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; connect-src 'self'; style-src ${hashOf(STYLE)}; script-src ${hashOf(SCRIPT)}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Downhill</title>
<style>${STYLE}</style>
<main><p>Nothing yet.</p></main>
<script>${SCRIPT}</script>
</html>
`;

/** The server; it shows what `render` gives, once somebody looks. */
export class Watch {
  readonly #render: () => string;
  readonly #readers = new Set<ServerResponse>();
  readonly #server = createServer((request, response) => this.#serve(request, response));
  /** Keeps other users of the machine out. */
  readonly #secret = crypto.randomUUID();
  #drawn = 0;

  constructor(render: () => string) {
    this.#render = render;
  }

  /** Starts, and gives the page's address. @param port 0 is any that is free @throws UsageError for one that is not */
  async open(port: number): Promise<string> {
    await new Promise<void>((listening, failed) => {
      this.#server.once('error', failed);
      this.#server.listen(port, '127.0.0.1', listening);
    }).catch((cause: NodeJS.ErrnoException) => {
      throw new UsageError('cli/usage', `--watch: port ${port} cannot be had (${cause.code}); name another.`, {
        cause,
      });
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${this.#secret}/`;
  }

  /** There is something new to see. */
  changed(): void {
    const now = performance.now();
    if (this.#readers.size === 0 || now - this.#drawn < REDRAW_MS) return;
    this.#drawn = now;
    this.#send();
  }

  /** Shows the last state, which stays on the screen. */
  async close(): Promise<void> {
    this.#send();
    for (const reader of this.#readers) reader.end('event: end\ndata:\n\n');
    await new Promise((closed) => this.#server.close(closed));
  }

  #send(readers: Iterable<ServerResponse> = this.#readers): void {
    const line = `data: ${JSON.stringify(this.#render())}\n\n`;
    for (const reader of readers) reader.write(line);
  }

  #serve({ url }: IncomingMessage, response: ServerResponse): void {
    if (url === `/${this.#secret}/`) {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', connection: 'close' }).end(PAGE);
    } else if (url === `/${this.#secret}/events`) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      this.#readers.add(response);
      response.on('close', () => this.#readers.delete(response));
      this.#send([response]);
    } else response.writeHead(404, { connection: 'close' }).end();
  }
}
