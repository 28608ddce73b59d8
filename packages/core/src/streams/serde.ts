import { fail } from './errors.ts';

/** Turns keys or values into bytes and back. Null never gets here: it stays null in the log. */
export interface Serde<T> {
  serialize(value: T): Uint8Array;
  deserialize(bytes: Uint8Array): T;
}

const utf8Slice = Buffer.prototype.utf8Slice;

/** The text that UTF-8 bytes hold. */
export function textOf(bytes: Uint8Array, start = 0, end = bytes.length): string {
  // Called on plain arrays as well: a third of the time of TextDecoder on short text.
  return utf8Slice.call(bytes, start, end);
}

const stringSerde: Serde<string> = {
  serialize(value) {
    if (typeof value !== 'string') throw badKey(value, 'text');
    return Buffer.from(value);
  },
  deserialize: (bytes) => textOf(bytes),
};

const doubleSerde: Serde<number> = {
  serialize(value) {
    if (typeof value !== 'number') throw badKey(value, 'a number');
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeDoubleBE(value, 0);
    return bytes;
  },
  deserialize: (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat64(0),
};

const bytesSerde: Serde<Uint8Array> = {
  serialize: (value) => value,
  // A view would keep its whole batch in memory for as long as a store holds it.
  deserialize: (bytes) => Uint8Array.from(bytes),
};

const jsonSerde: Serde<unknown> = {
  serialize(value) {
    const text = JSON.stringify(value);
    if (text === undefined) throw badKey(value, 'a value that JSON can hold');
    return Buffer.from(text);
  },
  deserialize: (bytes) => JSON.parse(textOf(bytes)) as unknown,
};

function badKey(value: unknown, wanted: string): Error {
  return fail('STREAMS_BAD_KEY', {
    message: `A serde for ${wanted} was given ${value === null ? 'null' : typeof value}.`,
    details: { wanted, given: typeof value },
  });
}

/**
 * The serdes that come with Millrace. Keys are `Serdes.string` and values `Serdes.json()` where nothing else
 * is said.
 *
 * @example
 * ```ts
 * import { Serdes } from '@millrace/core/streams';
 * builder.stream('temperatures', { keySerde: Serdes.string, valueSerde: Serdes.double });
 * ```
 */
export const Serdes = {
  /** UTF-8 text. */
  string: stringSerde,
  /** 8 bytes, big-endian IEEE 754. */
  double: doubleSerde,
  /** Bytes as they are. */
  bytes: bytesSerde,
  /** JSON text; the type is a promise that nobody checks. */
  json: <T>(): Serde<T> => jsonSerde as Serde<T>,
} as const;
