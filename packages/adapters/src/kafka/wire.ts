import { createAPI, produceV9, type Reader, ResponseError, Writer } from '@platformatic/kafka';

/**
 * Produce and Fetch with whole encoded batches. The client's own versions encode and decode every record;
 * ours are encoded already, and what is read is handed on as it is.
 */
export interface BatchToStore {
  readonly partition: number;
  readonly bytes: Uint8Array;
}

export interface TopicToStore {
  readonly topic: string;
  readonly batches: readonly BatchToStore[];
}

const ALL_REPLICAS = -1;
const READ_COMMITTED = 1;

function produceRequest(transactionalId: string, timeoutMs: number, topics: readonly TopicToStore[]): Writer {
  return Writer.create()
    .appendString(transactionalId)
    .appendInt16(ALL_REPLICAS)
    .appendInt32(timeoutMs)
    .appendArray([...topics], (writer, { topic, batches }) => {
      writer.appendString(topic).appendArray([...batches], (inner, { partition, bytes }) => {
        inner
          .appendInt32(partition)
          .appendUnsignedVarInt(bytes.length + 1)
          .append(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      });
    })
    .appendTaggedFields();
}

/** Produce, version 9: at most one batch for a partition. */
export const produce = createAPI<Parameters<typeof produceRequest>, produceV9.ProduceResponse>(
  0,
  9,
  produceRequest,
  produceV9.parseResponse,
);

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface Fetched {
  /** Up to here everything is decided: committed or aborted. */
  readonly stableOffset: number;
  readonly startOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Batches one after the other, the last one perhaps in part; nobody else has them. */
  readonly bytes: Uint8Array;
}

export interface FetchPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly bytesMax: number;
}

function fetchRequest({ topic, partition, offset, bytesMax }: FetchPlace): Writer {
  return Writer.create()
    .appendInt32(-1)
    .appendInt32(0)
    .appendInt32(0)
    .appendInt32(bytesMax)
    .appendInt8(READ_COMMITTED)
    .appendInt32(0)
    .appendInt32(-1)
    .appendArray([topic], (writer, name) => {
      writer.appendString(name).appendArray([partition], (inner, index) => {
        inner
          .appendInt32(index)
          .appendInt32(-1)
          .appendInt64(BigInt(offset))
          .appendInt32(-1)
          .appendInt64(-1n)
          .appendInt32(bytesMax);
      });
    })
    .appendArray([], () => {})
    .appendString('')
    .appendTaggedFields();
}

// oxlint-disable-next-line max-params -- the client calls it so
function fetchResponse(_correlationId: number, apiKey: number, apiVersion: number, reader: Reader): Fetched {
  reader.readInt32();
  const errors: Record<string, [number, null]> = {};
  const errorCode = reader.readInt16();
  if (errorCode !== 0) errors['/'] = [errorCode, null];
  reader.readInt32();
  const topics = reader.readArray((outer) => {
    outer.readString();
    return outer.readArray((inner) => {
      inner.readInt32();
      const partitionError = inner.readInt16();
      if (partitionError !== 0) errors['/partition'] = [partitionError, null];
      inner.readInt64();
      const stableOffset = Number(inner.readInt64());
      const startOffset = Number(inner.readInt64());
      const aborted = inner.readNullableArray((entry) => ({
        producerId: Number(entry.readInt64()),
        firstOffset: Number(entry.readInt64()),
      }));
      inner.readInt32();
      const length = inner.readUnsignedVarInt() - 1;
      const bytes = Buffer.allocUnsafeSlow(Math.max(0, length));
      if (length > 0) {
        bytes.set(inner.buffer.slice(inner.position, inner.position + length));
        inner.skip(length);
      }
      return { stableOffset, startOffset, aborted: aborted ?? [], bytes };
    });
  });
  const fetched = topics[0]?.[0] ?? { stableOffset: 0, startOffset: 0, aborted: [], bytes: Buffer.alloc(0) };
  if (Object.keys(errors).length > 0) throw new ResponseError(apiKey, apiVersion, errors, fetched);
  return fetched;
}

/** Fetch, version 12: one partition, committed records only, without waiting. */
export const fetchBatches = createAPI<[FetchPlace], Fetched>(1, 12, fetchRequest, fetchResponse);
