/** A small web server on this machine only: a folder, or pages made up on the way. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
};

/**
 * Serves on 127.0.0.1, which browsers count as a secure place (WebGPU asks for one).
 * `find(path)` gives a page's bytes or undefined. Port 0 takes a free one. Returns `{ url, close }`.
 */
export async function serve(find, { port = 0, headers = {} } = {}) {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://127.0.0.1').pathname);
    const body = await find(path.endsWith('/') ? `${path}index.html` : path);
    const type = types[extname(path)] ?? (path.endsWith('/') ? types['.html'] : 'application/octet-stream');
    response.writeHead(body === undefined ? 404 : 200, {
      'content-type': type,
      'cache-control': 'no-store',
      ...headers,
    });
    response.end(body ?? 'not found');
  });
  await new Promise((done, failed) => server.once('error', failed).listen(port, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}

/** Serves the files below the folders and nothing else; where two have the same file, the earlier folder's. */
export function serveFolders(folders, options) {
  return serve(async (path) => {
    for (const folder of folders.map(normalize)) {
      const file = normalize(join(folder, path));
      const body = file.startsWith(folder + sep) ? await readFile(file).catch(() => undefined) : undefined;
      if (body !== undefined) return body;
    }
    return undefined;
  }, options);
}
