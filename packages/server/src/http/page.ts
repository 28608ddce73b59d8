import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply } from 'fastify';

export interface PageRoutesOptions {
  /** The built page. */
  readonly folder: string;
}

interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly isFixed: boolean;
  zipped: Promise<Buffer> | undefined;
}

/** Addresses of the page's own routes: each is the same document, which reads the address itself. */
const pagePaths = ['/', '/explore', '/alerts', '/pipeline', '/dashboards/:name'];

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

// Scripts, styles, workers and data from this address alone, nothing inline, no frames, no forms that leave.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const zip = promisify(gzip);

/** The page and its files, from memory: there are few, and they are small. */
export async function pageRoutes(app: FastifyInstance, { folder }: PageRoutesOptions): Promise<void> {
  const files = await readFiles(folder);
  const send = async (path: string, encodings: string | undefined, reply: FastifyReply) => {
    const file = files.get(path);
    if (file === undefined) return reply.callNotFound();
    void reply.headers({
      'content-type': file.type,
      'cache-control': file.isFixed ? 'public, max-age=31536000, immutable' : 'no-cache',
      'content-security-policy': policy,
      'cross-origin-opener-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'vary': 'accept-encoding',
    });
    if (encodings?.includes('gzip') !== true) return reply.send(file.bytes);
    file.zipped ??= zip(file.bytes);
    return reply.header('content-encoding', 'gzip').send(await file.zipped);
  };
  for (const path of pagePaths) {
    app.get(path, (request, reply) => send('/index.html', request.headers['accept-encoding'], reply));
  }
  for (const path of files.keys()) {
    if (path === '/index.html') continue;
    app.get(path, (request, reply) => send(path, request.headers['accept-encoding'], reply));
  }
}

async function readFiles(folder: string): Promise<Map<string, PageFile>> {
  const files = new Map<string, PageFile>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const type = types[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const file = join(entry.parentPath, entry.name);
    const path = `/${relative(folder, file).split(sep).join('/')}`;
    // Files below assets carry a hash of their contents in their name.
    const isFixed = path.startsWith('/assets/');
    files.set(path, { type, bytes: await readFile(file), isFixed, zipped: undefined });
  }
  return files;
}
