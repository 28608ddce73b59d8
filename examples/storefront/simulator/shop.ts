import type { Random } from '@millrace/core/base';
import { COUNTRIES, popular, PRODUCTS, type Product } from './catalogue.ts';

export interface ShopEvent {
  event_id: string;
  event_type: string;
  event_timestamp: string;
  [field: string]: unknown;
}

export interface ShopOptions {
  readonly random: Random;
  /** Begins every event id: the same seed and prefix make the same ids again. */
  readonly idPrefix: string;
  readonly startMs: number;
  /** Mean events a second at a moment of shop time. */
  readonly eventsPerSecond: (timeMs: number) => number;
}

interface Shopper {
  readonly user_id: string;
  readonly country: string;
}

interface Visit {
  readonly shopper: Shopper;
  readonly session_id: string;
  step: 'arrive' | 'browse' | 'cart' | 'checkout' | 'pay';
  nextMs: number;
  product: Product;
  stepsLeft: number;
}

const SHOPPERS: readonly Shopper[] = Array.from({ length: 5000 }, (_, index) => ({
  user_id: `u${index}`,
  country: COUNTRIES[index % COUNTRIES.length] as string,
}));

/** Events that a visit makes on average; measured over a long run of this file. */
const EVENTS_PER_VISIT = 11.3;

/** A shop full of visitors: `next` gives one event after the other in the order of event time. */
export class Shop {
  readonly #options: ShopOptions;
  readonly #visits = new VisitHeap();
  #arrivalMs: number;
  #visitCount = 0;
  #eventCount = 0;
  #pending: ShopEvent[] = [];
  #lastMs = 0;

  constructor(options: ShopOptions) {
    this.#options = options;
    this.#arrivalMs = options.startMs;
  }

  /** Event time of the next event. */
  get nextMs(): number {
    return this.#pending.length > 0 ? 0 : Math.min(this.#arrivalMs, this.#visits.first?.nextMs ?? Infinity);
  }

  next(): ShopEvent {
    for (;;) {
      const waiting = this.#pending.shift();
      if (waiting !== undefined) return waiting;
      const visit = this.#visits.first;
      if (visit === undefined || this.#arrivalMs <= visit.nextMs) this.#arrive();
      else this.#advance(this.#visits.take() as Visit);
    }
  }

  /** All events up to `untilMs` of shop time. */
  until(untilMs: number): ShopEvent[] {
    const events: ShopEvent[] = [];
    while (this.#pending.length > 0 || this.nextMs <= untilMs) events.push(this.next());
    return events;
  }

  #arrive(): void {
    const { random, eventsPerSecond } = this.#options;
    const visitsPerSecond = eventsPerSecond(this.#arrivalMs) / EVENTS_PER_VISIT;
    this.#visits.put({
      shopper: popular(SHOPPERS, random),
      session_id: `${this.#options.idPrefix}-s${this.#visitCount++}`,
      step: 'arrive',
      nextMs: this.#arrivalMs,
      product: popular(PRODUCTS, random),
      stepsLeft: 1 + Math.floor(random.next() * 6),
    });
    this.#arrivalMs += (-Math.log(1 - random.next()) / visitsPerSecond) * 1000;
  }

  #advance(visit: Visit): void {
    const { random } = this.#options;
    switch (visit.step) {
      case 'arrive':
        this.#emit(visit, 'page_view', { page: '/' });
        if (random.next() < 0.02) {
          const email = `${visit.shopper.user_id}@example.com`;
          this.#emit(visit, 'sign_up', { country: visit.shopper.country, email });
        }
        this.#ping('/');
        visit.step = 'browse';
        break;
      case 'browse':
        this.#browse(visit);
        break;
      case 'cart':
        this.#emit(visit, 'add_to_cart', { ...visit.product, quantity: 1 });
        visit.step = random.next() < 0.55 ? 'checkout' : 'browse';
        break;
      case 'checkout':
        this.#emit(visit, 'checkout_started', this.#order(visit));
        visit.step = 'pay';
        break;
      case 'pay':
        this.#pay(visit);
        return;
    }
    if (visit.step === 'browse' && visit.stepsLeft-- <= 0) return;
    visit.nextMs += 500 + random.next() * 12_000;
    this.#visits.put(visit);
  }

  #browse(visit: Visit): void {
    const { random } = this.#options;
    visit.product = popular(PRODUCTS, random);
    const page = `/p/${visit.product.product_id}`;
    if (random.next() < 0.2) this.#emit(visit, 'search', { query: visit.product.category });
    this.#emit(visit, 'page_view', { page });
    this.#emit(visit, 'product_view', { ...visit.product });
    if (random.next() < 0.5) this.#ping(page);
    if (random.next() < 0.14) visit.step = 'cart';
  }

  #pay(visit: Visit): void {
    const { random } = this.#options;
    const order = this.#order(visit);
    if (random.next() < 0.06) {
      this.#emit(visit, 'payment_failed', { ...order, reason: 'card_declined' });
      return;
    }
    const { product_id, category } = visit.product;
    this.#emit(visit, 'purchase', { ...order, currency: 'EUR', product_id, category, quantity: 1 });
  }

  #order(visit: Visit): Record<string, unknown> {
    return { order_id: `${visit.session_id}-o`, amount: visit.product.price, country: visit.shopper.country };
  }

  #ping(page: string): void {
    const loadMs = Math.round(80 + this.#options.random.next() ** 3 * 900);
    this.#push('page_ping', { page, load_ms: loadMs });
  }

  #emit(visit: Visit, type: string, fields: Record<string, unknown>): void {
    this.#push(
      type,
      { user_id: visit.shopper.user_id, session_id: visit.session_id, ...fields },
      visit.nextMs,
    );
  }

  #push(type: string, fields: Record<string, unknown>, timeMs = this.#lastMs): void {
    this.#lastMs = timeMs;
    this.#pending.push({
      event_id: `${this.#options.idPrefix}-${this.#eventCount++}`,
      event_type: type,
      event_timestamp: new Date(timeMs).toISOString(),
      ...fields,
    });
  }
}

/** The visits by the time of their next event: a binary heap. */
class VisitHeap {
  readonly #heap: Visit[] = [];

  get first(): Visit | undefined {
    return this.#heap[0];
  }

  put(visit: Visit): void {
    const heap = this.#heap;
    let child = heap.push(visit) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if ((heap[parent] as Visit).nextMs <= visit.nextMs) break;
      heap[child] = heap[parent] as Visit;
      child = parent;
    }
    heap[child] = visit;
  }

  take(): Visit | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let parent = 0;
    for (;;) {
      let child = parent * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Visit).nextMs < (heap[child] as Visit).nextMs)
        child++;
      if ((heap[child] as Visit).nextMs >= last.nextMs) break;
      heap[parent] = heap[child] as Visit;
      parent = child;
    }
    heap[parent] = last;
    return first;
  }
}
