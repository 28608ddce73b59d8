import type { MessagePort } from 'node:worker_threads';
import type { TableSchema } from '@millrace/core/contract';
import type { Drift } from '@millrace/core/models';
import type { ErrorMessage, LoadPart } from '@millrace/core/warehouse';
import type { DatabaseSettings } from './config.ts';
import type { FigureMessage } from './figure-channel.ts';

/** What the thread is started with. */
export interface ThreadData {
  readonly settings: DatabaseSettings;
  readonly versions: SharedArrayBuffer;
}

/** A part of a load within the one buffer that is transferred. */
export interface PackedPart {
  readonly topic: string;
  readonly partition: number;
  readonly fromOffset: number;
  readonly start: number;
  readonly end: number;
}

export type Call =
  | { readonly method: 'defineTables'; readonly tables: readonly TableSchema[] }
  | { readonly method: 'loadedOffsets' }
  | {
      readonly method: 'load';
      readonly parts: readonly PackedPart[];
      readonly bytes: ArrayBuffer;
      readonly nowMs: number;
    }
  | { readonly method: 'checkpoint' }
  | { readonly method: 'models' }
  | { readonly method: 'close' };

/** From the main thread. */
export type ToThread =
  | { readonly type: 'call'; readonly id: number; readonly call: Call }
  | { readonly type: 'port'; readonly port: MessagePort };

/** To the main thread. */
export type FromThread =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly error: ErrorMessage }
  | { readonly type: 'reply'; readonly id: number; readonly result: unknown }
  | { readonly type: 'reply'; readonly id: number; readonly error: ErrorMessage }
  | { readonly type: 'changed'; readonly tables: readonly string[] }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'drift'; readonly drift: Drift }
  | FigureMessage;

/** Copies the batches of all parts into one buffer, which is then transferred: no object is cloned. */
export function packParts(parts: readonly LoadPart[]): { parts: PackedPart[]; bytes: ArrayBuffer } {
  let length = 0;
  for (const { batches } of parts) for (const batch of batches) length += batch.byteLength;
  const bytes = new ArrayBuffer(length);
  const target = new Uint8Array(bytes);
  const packed: PackedPart[] = [];
  let end = 0;
  for (const { topic, partition, fromOffset, batches } of parts) {
    const start = end;
    for (const batch of batches) {
      target.set(batch, end);
      end += batch.byteLength;
    }
    packed.push({ topic, partition, fromOffset, start, end });
  }
  return { parts: packed, bytes };
}

export function unpackParts(parts: readonly PackedPart[], bytes: ArrayBuffer): LoadPart[] {
  return parts.map(({ topic, partition, fromOffset, start, end }) => {
    const batches = start === end ? [] : [new Uint8Array(bytes, start, end - start)];
    return { topic, partition, fromOffset, batches };
  });
}
