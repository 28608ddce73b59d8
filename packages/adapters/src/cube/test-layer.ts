/** For tests: a semantic layer over a `TestWarehouse`, with its models in a folder of its own. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentMeter, type Clock, type Logger } from '@millrace/core/base';
import type { CubeAuth, CubeConfig } from './config.ts';
import { CubeSemanticLayer } from './semantic-layer.ts';
import type { TestWarehouse } from './test-warehouse.ts';

/** Bundles of the tests; made once for each state of the sources. */
export const bundleFolder = fileURLToPath(
  new URL('../../../../node_modules/.cache/millrace', import.meta.url),
);

export const realClock: Clock = {
  nowMs: Date.now,
  monotonicMs: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export interface LogLine {
  readonly level: string;
  readonly text: string;
}

export interface TestLayer {
  readonly layer: CubeSemanticLayer;
  readonly modelFolder: string;
  readonly log: LogLine[];
  /** Waits until the layer's state fits. */
  until(fits: (state: CubeSemanticLayer['state']) => boolean): Promise<void>;
  /** A request to the private socket. */
  http(
    path: string,
    options?: { token?: string; body?: unknown },
  ): Promise<{ status: number; body: unknown }>;
  /** The private socket on a TCP port, for clients that speak no other: the address with `/cubejs-api`. */
  listen(): Promise<string>;
  close(): Promise<void>;
}

export interface TestLayerOptions extends Partial<CubeConfig> {
  readonly warehouse: TestWarehouse;
  readonly models: Readonly<Record<string, string>>;
  readonly auth?: CubeAuth;
  readonly nativeStandIn?: string;
}

export async function openLayer({
  warehouse,
  models,
  auth,
  ...options
}: TestLayerOptions): Promise<TestLayer> {
  const modelFolder = await mkdtemp(join(tmpdir(), 'millrace-models-'));
  await writeModels(modelFolder, models);
  const log: LogLine[] = [];
  const line = (level: string) => (message: string, fields?: object) => {
    log.push({ level, text: fields === undefined ? message : `${message} ${JSON.stringify(fields)}` });
  };
  const logger: Logger = {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  };
  const layer = new CubeSemanticLayer({
    ...options,
    modelFolder,
    auth: auth ?? { mode: 'open' },
    cacheFolder: bundleFolder,
    openQueryPort: () => warehouse.openPort(),
    tableVersions: warehouse.versions,
    clock: realClock,
    logger,
    meter: silentMeter,
  });
  const servers: Server[] = [];
  return {
    layer,
    modelFolder,
    log,
    until: (fits) => until(layer, fits),
    http: (path, asked = {}) => ask(layer, path, asked),
    async listen() {
      const server = await listenInFront(layer);
      servers.push(server);
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}/cubejs-api`;
    },
    async close() {
      for (const server of servers) server.close();
      await layer.close();
      await rm(modelFolder, { recursive: true, force: true });
    },
  };
}

export async function writeModels(folder: string, models: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(models)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

async function listenInFront(layer: CubeSemanticLayer): Promise<Server> {
  const server = createServer((socket) => {
    const behind = connect(layer.socketPath as string);
    socket.pipe(behind).pipe(socket);
    socket.on('error', () => behind.destroy());
    behind.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function until(
  layer: CubeSemanticLayer,
  fits: (state: CubeSemanticLayer['state']) => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!fits(layer.state)) return;
      cancel();
      resolve();
    };
    const cancel = layer.onStateChange(look);
    look();
  });
}

function ask(
  layer: CubeSemanticLayer,
  path: string,
  { token, body }: { token?: string; body?: unknown },
): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...(token === undefined ? {} : { authorization: token }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const method = body === undefined ? 'GET' : 'POST';
    const sent = request({ socketPath: layer.socketPath, path, method, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode ?? 0, body: parsed(text) });
      });
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
