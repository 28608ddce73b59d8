import type { Clock } from '@millrace/core/base';

/** A way in, and what is known of it. */
export interface SourceStatus {
  readonly name: string;
  /** Undefined when it has sent nothing since the start. */
  readonly lastEventAtMs: number | undefined;
  readonly events: number;
  readonly probe: SourceProbeResult;
}

export interface SourceProbeResult {
  readonly reachable: boolean;
  readonly text: string;
}

/** Asks a source whether it is alive, apart from whether it sends. */
export type SourceProbe = () => SourceProbeResult;

/** Shorter than what it takes an alert on the rate to fire, so that the check finds who is silent. */
export const SILENT_AFTER_MS = 5_000;
const SOURCES_MAX = 1000;

/**
 * Who sends events, and when each was heard last. Bounded: beyond a thousand names all are counted as
 * `other`.
 */
export class SourceDirectory {
  readonly #clock: Clock;
  readonly #sources = new Map<
    string,
    { lastEventAtMs: number | undefined; events: number; probe: SourceProbe }
  >();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Declares a source that is expected to send. */
  expect(name: string, probe: SourceProbe): void {
    this.#sources.set(name, { lastEventAtMs: undefined, events: 0, probe });
  }

  /** `count` events came from `name`. */
  heard(name: string, count: number): void {
    const source = this.#sources.get(name) ?? this.#add(name);
    source.lastEventAtMs = this.#clock.nowMs();
    source.events += count;
  }

  statuses(): readonly SourceStatus[] {
    return [...this.#sources].map(([name, { lastEventAtMs, events, probe }]) => ({
      name,
      lastEventAtMs,
      events,
      probe: probe(),
    }));
  }

  /** Probes each source and says in words which are silent. */
  check(): { readonly silent: readonly string[]; readonly text: string } {
    const nowMs = this.#clock.nowMs();
    const statuses = this.statuses();
    const silent = statuses.filter((source) => nowMs - (source.lastEventAtMs ?? 0) > SILENT_AFTER_MS);
    if (statuses.length === 0) return { silent: [], text: 'No source has ever sent an event.' };
    if (silent.length === 0) {
      return { silent: [], text: `All ${statuses.length} sources send; the total is low.` };
    }
    const sentences = silent.map(({ name, lastEventAtMs, probe }) => {
      const heard =
        lastEventAtMs === undefined
          ? 'no event since the start'
          : `no event for ${seconds(nowMs - lastEventAtMs)} s`;
      return `${name} is silent: ${heard}; ${probe.text}`;
    });
    return { silent: silent.map((source) => source.name), text: sentences.join('. ') };
  }

  #add(name: string): { lastEventAtMs: number | undefined; events: number; probe: SourceProbe } {
    const known = this.#sources.size < SOURCES_MAX ? name : 'other';
    const existing = this.#sources.get(known);
    if (existing !== undefined) return existing;
    const source = {
      lastEventAtMs: undefined,
      events: 0,
      probe: () => ({ reachable: true, text: 'it speaks to us by HTTP and cannot be asked' }),
    };
    this.#sources.set(known, source);
    return source;
  }
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
