import type { ShopEvent } from './shop.ts';

/** What goes wrong on purpose, by seconds since live traffic began; repeated every `cycleS`. */
export interface IncidentPlan {
  readonly cycleS: number;
  /** One shopper's cards are refused, then somebody buys from two countries at once. */
  readonly fraudAtS: number;
  /** Page pings ask for so much work that the enrichment step falls behind. */
  readonly slowFromS: number;
  readonly slowToS: number;
  /** No traffic at all. */
  readonly silentFromS: number;
  readonly silentToS: number;
}

export const DEFAULT_PLAN: IncidentPlan = {
  cycleS: 900,
  fraudAtS: 15,
  slowFromS: 40,
  slowToS: 85,
  silentFromS: 180,
  silentToS: 240,
};

/** Work that a slow page ping asks for: 45 pings a second want 7 workers, and 4 partitions have 4. */
const SLOW_WORK_MS = 150;

export class Incidents {
  readonly #plan: IncidentPlan;
  #fraudsPlanted = 0;

  constructor(plan: IncidentPlan) {
    this.#plan = plan;
  }

  isSilent(liveS: number): boolean {
    const second = liveS % this.#plan.cycleS;
    return second >= this.#plan.silentFromS && second < this.#plan.silentToS;
  }

  /** Marks page pings as heavy while the slow-down lasts. */
  slow(events: readonly ShopEvent[], liveS: number): void {
    const second = liveS % this.#plan.cycleS;
    if (second < this.#plan.slowFromS || second >= this.#plan.slowToS) return;
    for (const event of events) {
      if (event.event_type === 'page_ping') event['demo'] = { workMs: SLOW_WORK_MS };
    }
  }

  /** The fraud burst's events, once a cycle. */
  fraud(liveS: number, nowMs: number): ShopEvent[] {
    const due = Math.floor((liveS - this.#plan.fraudAtS) / this.#plan.cycleS) + 1;
    if (due <= this.#fraudsPlanted) return [];
    this.#fraudsPlanted = due;
    return [...refusedCards(nowMs), ...twoCountries(nowMs)];
  }
}

function refusedCards(nowMs: number): ShopEvent[] {
  return Array.from({ length: 5 }, (_, index) => ({
    event_id: `fraud-${nowMs}-card-${index}`,
    event_type: 'payment_failed',
    event_timestamp: new Date(nowMs - (5 - index) * 300).toISOString(),
    user_id: 'u-mallory',
    session_id: `fraud-${nowMs}`,
    order_id: `fraud-${nowMs}-${index}`,
    amount: 289,
    country: 'DE',
    reason: 'card_declined',
  }));
}

function twoCountries(nowMs: number): ShopEvent[] {
  return ['DE', 'US'].map((country, index) => ({
    event_id: `fraud-${nowMs}-country-${index}`,
    event_type: 'purchase',
    event_timestamp: new Date(nowMs - (2 - index) * 400).toISOString(),
    user_id: 'u-trudy',
    session_id: `fraud-${nowMs}-${country}`,
    order_id: `fraud-${nowMs}-${country}`,
    amount: 349,
    country,
    currency: 'EUR',
    product_id: 'turntable',
    category: 'sound',
    quantity: 1,
  }));
}
