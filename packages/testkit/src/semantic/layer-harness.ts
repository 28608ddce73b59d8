import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { silentMeter, type Clock, type Logger, type Meter } from '@millrace/core/base';
import type { SemanticLayer } from '@millrace/core/semantic';
import type { TableVersions } from '@millrace/core/warehouse';
import type { ChannelWarehouse } from './channel-warehouse.ts';

/** Where tests keep what layers build for their threads; made once for each state of the sources. */
export const semanticCacheFolder = join(import.meta.dirname, '../../../../node_modules/.cache/millrace');

/** A layer with a server of its own on a private socket, and models that can be read again. */
export interface ServingLayer extends SemanticLayer {
  readonly socketPath: string | undefined;
  reloadModels(): Promise<void>;
}

/** What every layer under test is made with. */
export interface LayerSetting {
  readonly modelFolder: string;
  readonly cacheFolder: string;
  readonly openQueryPort: () => MessagePort;
  readonly tableVersions: TableVersions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
}

/** The time of the machine: what is under test has threads, which no virtual clock moves. */
export const machineClock: Clock = {
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

/** A layer in a test, with its models in a folder of their own. */
export interface LayerHarness<Layer extends ServingLayer = ServingLayer> {
  readonly layer: Layer;
  readonly modelFolder: string;
  readonly log: LogLine[];
  /** Waits until the layer's state fits. */
  until(fits: (state: SemanticLayer['state']) => boolean): Promise<void>;
  /** A request to the private socket. */
  http(
    path: string,
    options?: { token?: string; body?: unknown },
  ): Promise<{ status: number; body: unknown }>;
  /** The private socket on a TCP port, for clients that speak no other: the address with `/cubejs-api`. */
  listen(): Promise<string>;
  close(): Promise<void>;
}

export interface LayerHarnessOptions<Layer extends ServingLayer> {
  readonly warehouse: ChannelWarehouse;
  /** Texts by file name. */
  readonly models: Readonly<Record<string, string>>;
  readonly create: (setting: LayerSetting) => Layer;
}

/** Writes the models, makes the layer; does not wait until it is ready. */
export async function openLayerHarness<Layer extends ServingLayer>({
  warehouse,
  models,
  create,
}: LayerHarnessOptions<Layer>): Promise<LayerHarness<Layer>> {
  const modelFolder = await mkdtemp(join(tmpdir(), 'millrace-models-'));
  await writeModels(modelFolder, models);
  const log: LogLine[] = [];
  const line = (level: string) => (message: string, fields?: object) => {
    log.push({ level, text: fields === undefined ? message : `${message} ${JSON.stringify(fields)}` });
  };
  const layer = create({
    modelFolder,
    cacheFolder: semanticCacheFolder,
    openQueryPort: () => warehouse.openPort(),
    tableVersions: warehouse.versions,
    clock: machineClock,
    logger: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
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

/** Writes model files, in folders where their names have them. */
export async function writeModels(folder: string, models: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(models)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

async function listenInFront(layer: ServingLayer): Promise<Server> {
  const server = createServer((socket) => {
    const behind = connect(layer.socketPath as string);
    socket.pipe(behind).pipe(socket);
    socket.on('error', () => behind.destroy());
    behind.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function until(layer: ServingLayer, fits: (state: SemanticLayer['state']) => boolean): Promise<void> {
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
  layer: ServingLayer,
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
