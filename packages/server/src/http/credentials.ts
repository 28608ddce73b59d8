import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const SESSION_BYTES = 32;

/** A set of keys; comparing takes the same time whatever is asked. */
export class KeyRing {
  readonly #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digestOf);
  }

  get isEmpty(): boolean {
    return this.#digests.length === 0;
  }

  /** Position of the key that the request carries; -1 for none or a wrong one. */
  find(headers: IncomingHttpHeaders): number {
    const presented = presentedKey(headers);
    if (presented === undefined) return -1;
    const digest = digestOf(presented);
    let found = -1;
    for (const [i, known] of this.#digests.entries()) if (timingSafeEqual(known, digest)) found = i;
    return found;
  }
}

/** `Authorization: Bearer KEY`, `x-api-key: KEY`, or the password of `Authorization: Basic`. */
function presentedKey(headers: IncomingHttpHeaders): string | undefined {
  const apiKey = headers['x-api-key'];
  if (typeof apiKey === 'string') return apiKey;
  const [scheme = '', value] = (headers.authorization ?? '').split(' ', 2);
  if (value === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const pair = Buffer.from(value, 'base64').toString();
  const colon = pair.indexOf(':');
  return colon < 0 ? undefined : pair.slice(colon + 1);
}

/**
 * The page's session: a secret of this start of the server, in a cookie that scripts cannot read and other
 * sites cannot send. Cookies do not know ports, so its name carries the port: two servers on one machine keep
 * apart.
 */
export class PageSession {
  readonly #token = randomBytes(SESSION_BYTES).toString('base64url');
  readonly #digest = digestOf(this.#token);
  readonly #cookie: () => string;

  constructor(port: () => number) {
    this.#cookie = () => `millrace_session_${port()}`;
  }

  /** The `Set-Cookie` header. */
  get header(): string {
    return `${this.#cookie()}=${this.#token}; Path=/; HttpOnly; SameSite=Strict`;
  }

  isCarriedBy(headers: IncomingHttpHeaders): boolean {
    const prefix = `${this.#cookie()}=`;
    const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
    const value = pairs.find((pair) => pair.startsWith(prefix))?.slice(prefix.length);
    return value !== undefined && timingSafeEqual(digestOf(value), this.#digest);
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
