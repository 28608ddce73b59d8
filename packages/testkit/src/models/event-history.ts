import type { Random } from '@millrace/core/base';
import type { RawRow } from './model-trial.ts';

export interface EventHistoryOptions {
  readonly random: Random;
  /** False: no event id comes twice, as ingest ensures. True: events are sent again, changed or not. */
  readonly repeats: boolean;
  /** False: every event has a time, as the loader ensures. By default some that are sent again have none. */
  readonly missingTimes?: boolean;
}

export interface HistoryStep {
  readonly rows: readonly RawRow[];
  readonly asOf: string;
}

const HOUR_MS = 3_600_000;
const TYPES = [
  'page_view',
  'search',
  'sign_up',
  'product_view',
  'add_to_cart',
  'checkout_started',
  'purchase',
  'payment_failed',
];

/**
 * A seeded history of storefront events in small loads: late and future events, missing users, empty loads,
 * and where `repeats` is set events that are sent again, moved to another user, another day, the future, or
 * without a time.
 */
export class EventHistory {
  readonly #random: Random;
  readonly #repeats: boolean;
  readonly #missingTimes: boolean;
  readonly #sent: RawRow[] = [];
  #asOfMs = Date.UTC(2026, 0, 2);

  constructor({ random, repeats, missingTimes = repeats }: EventHistoryOptions) {
    this.#random = random;
    this.#repeats = repeats;
    this.#missingTimes = missingTimes;
  }

  next(): HistoryStep {
    if (!this.#chance(0.1)) this.#asOfMs += this.#int(40 * 60_000);
    const count = this.#chance(0.08) ? 0 : 1 + this.#int(30);
    const rows = Array.from({ length: count }, () => this.#event());
    return { rows, asOf: timestampText(this.#asOfMs) };
  }

  #event(): RawRow {
    const known = this.#sent[this.#int(this.#sent.length)];
    let event: RawRow;
    if (this.#repeats && known !== undefined && this.#chance(0.25)) event = this.#changed(known);
    else if (this.#repeats && known !== undefined && this.#chance(0.1)) event = known;
    else event = this.#fresh();
    this.#sent.push(event);
    return event;
  }

  #changed(event: RawRow): RawRow {
    return {
      ...event,
      user_id: this.#chance(0.5) ? this.#user() : (event['user_id'] ?? null),
      event_timestamp: this.#chance(0.6) ? this.#time() : (event['event_timestamp'] ?? null),
      event_type: this.#chance(0.5) ? this.#type() : (event['event_type'] ?? null),
      amount: this.#chance(0.5) ? this.#int(10_000) / 100 : (event['amount'] ?? null),
      session_id: this.#chance(0.2) ? null : (event['session_id'] ?? null),
    };
  }

  #fresh(): RawRow {
    const user = this.#user();
    return {
      event_id: `e${this.#sent.length}`,
      event_type: this.#type(),
      event_timestamp: this.#time(),
      user_id: user,
      session_id: this.#chance(0.05) ? null : `${user}-${this.#int(4)}`,
      product_id: this.#chance(0.3) ? null : `p${this.#int(5)}`,
      category: this.#chance(0.1) ? null : `c${this.#int(3)}`,
      price: this.#int(10_000) / 100,
      quantity: this.#chance(0.2) ? null : this.#int(5),
      amount: this.#chance(0.1) ? null : this.#int(10_000) / 100,
      country: 'DE',
      email: "o'neil@example.com",
    };
  }

  #user(): string | null {
    return this.#chance(0.04) ? null : `u${this.#int(12)}`;
  }

  #type(): string {
    return TYPES[this.#int(TYPES.length)] ?? 'search';
  }

  #time(): string | null {
    if (this.#missingTimes && this.#chance(0.02)) return null;
    if (this.#chance(0.15)) return timestampText(this.#asOfMs + this.#int(3 * HOUR_MS));
    if (this.#chance(0.02)) return timestampText(this.#asOfMs);
    if (this.#chance(0.2)) return timestampText(this.#asOfMs - this.#int(4 * 24 * HOUR_MS));
    return timestampText(this.#asOfMs - this.#int(20 * 60_000));
  }

  #chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  #int(below: number): number {
    return Math.floor(this.#random.next() * below);
  }
}

/** A naive UTC timestamp as SQL takes it. */
export function timestampText(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
}
