import assert from 'node:assert/strict';
import type { EventLog } from '@millrace/core/log';
import { UNAVAILABLE_VALUE } from '@millrace/core/sources';

type Values = Record<string, unknown>;

export interface Envelope {
  readonly before: Values | null;
  readonly after: Values | null;
  readonly op: string;
  readonly source: { readonly txId: string | null; readonly lsn: string; readonly snapshot: string };
}

/** Numbers as the text they are written in. */
export function parseExact(text: string): unknown {
  const keep = (_: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' ? source : value;
  return JSON.parse(text, keep as (key: string, value: unknown) => unknown);
}

/** All records of a topic with one partition; null values are tombstones. */
export async function recordsOf(
  log: EventLog,
  topic: string,
): Promise<{ readonly key: string | null; readonly value: Envelope | null }[]> {
  const { startOffset, endOffset } = log.range(topic, 0);
  const records = [];
  for (let offset = startOffset; offset < endOffset;) {
    for (const batch of await log.read(topic, 0, { offset, bytesMax: 1 << 20 })) {
      for (const { key, value } of batch.records()) {
        records.push({
          key: key && Buffer.from(key).toString(),
          value: value && (parseExact(Buffer.from(value).toString()) as Envelope),
        });
      }
      offset = batch.lastOffset + 1;
    }
  }
  return records;
}

/**
 * The table as its topic's records make it. Fails where a record cannot follow those before it: a row made
 * twice was captured twice, a change of a row that is not there follows a gap.
 */
export async function rebuiltTable(log: EventLog, topic: string): Promise<Map<string, Values>> {
  const rows = new Map<string, Values>();
  for (const { key, value } of await recordsOf(log, topic)) {
    if (value === null) continue;
    const { op, after, source } = value;
    const place = `${topic} ${key} ${op} at ${source.lsn}`;
    if (op === 't') {
      rows.clear();
      continue;
    }
    assert(key !== null, place);
    const old = rows.get(key);
    if (op === 'r' || op === 'c') assert(old === undefined, `made twice: ${place}`);
    else assert(old !== undefined, `changed before it was made: ${place}`);
    if (after === null) rows.delete(key);
    else rows.set(key, withKept(after, old));
  }
  return rows;
}

function withKept(after: Values, old: Values | undefined): Values {
  const entries = Object.entries(after);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value === UNAVAILABLE_VALUE ? old?.[name] : value]),
  );
}
