import { fail } from './errors.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const MINUTE_MS = 60_000;

/** Everything that a sender could make large is limited. */
export interface IngestLimits {
  /** Default 10 MiB. */
  readonly bodyBytesMax: number;
  /** Default 256 KiB. */
  readonly eventBytesMax: number;
  /** Default 10,000. */
  readonly eventsPerRequestMax: number;
  /** Objects and arrays within each other, the event itself included. Default 20. */
  readonly depthMax: number;
  /**
   * How far an event time may lie after the arrival. Default 5 minutes; must be smaller than the models'
   * look-back.
   */
  readonly futureToleranceMs: number;
  /** Bodies that are being received or stored, all together. Default 64 MiB. */
  readonly inFlightBytesMax: number;
  /** For how long a resent event is recognised. Default 24 hours of arrival time. */
  readonly dedupWindowMs: number;
  /** Memory of the deduplication index; the window becomes shorter when it is used up. Default 128 MiB. */
  readonly dedupBytesMax: number;
  /** Size of the `dead_letters` topic. Default 256 MiB. */
  readonly deadLettersBytesMax: number;
}

const DEFAULTS: IngestLimits = {
  bodyBytesMax: 10 * MIB,
  eventBytesMax: 256 * KIB,
  eventsPerRequestMax: 10_000,
  depthMax: 20,
  futureToleranceMs: 5 * MINUTE_MS,
  inFlightBytesMax: 64 * MIB,
  dedupWindowMs: 24 * 60 * MINUTE_MS,
  dedupBytesMax: 128 * MIB,
  deadLettersBytesMax: 256 * MIB,
};

/** The smallest and largest value of each limit. */
const RANGES: Readonly<Record<keyof IngestLimits, readonly [min: number, max: number]>> = {
  bodyBytesMax: [KIB, 64 * MIB],
  eventBytesMax: [KIB, 900 * KIB],
  eventsPerRequestMax: [1, 100_000],
  depthMax: [1, 500],
  futureToleranceMs: [0, 24 * 60 * MINUTE_MS],
  inFlightBytesMax: [MIB, 2048 * MIB],
  dedupWindowMs: [MINUTE_MS, 7 * 24 * 60 * MINUTE_MS],
  dedupBytesMax: [32 * MIB, 16_384 * MIB],
  deadLettersBytesMax: [MIB, Infinity],
};

/** The defaults with what is given instead; `INGEST_BAD_LIMIT` names a limit that is out of range. */
export function limitsOf(given: Partial<IngestLimits> = {}): IngestLimits {
  const limits = { ...DEFAULTS };
  for (const name of Object.keys(RANGES) as (keyof IngestLimits)[]) {
    const value = given[name];
    if (value === undefined) continue;
    const [min, max] = RANGES[name];
    if (!(value >= min && value <= max)) refuse(name, `${value} is not within ${min} and ${max}`);
    limits[name] = value;
  }
  if (limits.eventBytesMax > limits.bodyBytesMax)
    refuse('eventBytesMax', 'an event cannot be larger than a body');
  if (limits.inFlightBytesMax < limits.bodyBytesMax) refuse('inFlightBytesMax', 'one body must fit into it');
  return limits;
}

function refuse(name: keyof IngestLimits, reason: string): never {
  throw fail('INGEST_BAD_LIMIT', { message: `Limit '${name}': ${reason}.`, details: { limit: name } });
}
