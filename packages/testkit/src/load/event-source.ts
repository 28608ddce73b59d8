import { type Random, seededRandom } from '@millrace/core/base';

const TYPES = [
  'page_view',
  'page_view',
  'page_view',
  'product_view',
  'product_view',
  'add_to_cart',
  'purchase',
  'search',
];
const CATEGORIES = ['kitchen', 'garden', 'desk', 'travel', 'sound'];
const USERS = 5000;

/** Valid storefront events of about 200 bytes by 5,000 users, each with an id of its own. */
export class EventSource {
  readonly #random: Random;
  readonly #idPrefix: string;
  #count = 0;

  constructor(options: { seed: number; idPrefix: string }) {
    this.#random = seededRandom(options.seed);
    this.#idPrefix = options.idPrefix;
  }

  /** Events made so far. */
  get count(): number {
    return this.#count;
  }

  /** `count` events of this moment as NDJSON, and their ids. */
  batch(count: number, nowMs: number): { readonly body: string; readonly ids: readonly string[] } {
    const time = new Date(nowMs).toISOString();
    const lines: string[] = [];
    const ids: string[] = [];
    for (let i = 0; i < count; i++) {
      const id = `${this.#idPrefix}-${this.#count++}`;
      ids.push(id);
      lines.push(this.#line(id, time));
    }
    return { body: lines.join('\n'), ids };
  }

  #line(id: string, time: string): string {
    const user = Math.floor(this.#random.next() * USERS);
    const type = TYPES[Math.floor(this.#random.next() * TYPES.length)] as string;
    const head = `{"event_id":"${id}","event_type":"${type}","event_timestamp":"${time}","user_id":"u${user}","session_id":"s${user}"`;
    return `${head},${this.#fields(type)}}`;
  }

  #fields(type: string): string {
    const item = Math.floor(this.#random.next() * 25);
    const category = CATEGORIES[item % 5] as string;
    const product = `"product_id":"p${item}","category":"${category}"`;
    switch (type) {
      case 'product_view':
        return `${product},"price":${item + 9.5}`;
      case 'add_to_cart':
        return `${product},"price":${item + 9.5},"quantity":1`;
      case 'purchase':
        return `${product},"quantity":1,"order_id":"o${this.#count}","amount":${item + 9.5},"currency":"EUR","country":"DE"`;
      case 'search':
        return `"query":"${category} ${item}"`;
      default:
        return `"page":"/c/${category}/${item}"`;
    }
  }
}
