import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];
const WILDCARDS = ['0.0.0.0', '::'];

/** True when only programs of this machine reach the address. */
export function isLoopback(host: string): boolean {
  const address = withoutBrackets(host.toLowerCase());
  if (isIP(address) === 4) return address.startsWith('127.');
  return address === '::1' || address === 'localhost';
}

/**
 * The names that requests may address: loopback names, the address that is listened on (all of the machine's
 * for a wildcard), and those that are allowed besides. A page of another site whose name was made to point
 * here (DNS rebinding) has none of them.
 */
export class ServedHosts {
  readonly #names: Set<string>;

  constructor(host: string, allowed: readonly string[] = []) {
    const address = withoutBrackets(host.toLowerCase());
    const addresses = WILDCARDS.includes(address) ? machineAddresses() : [address];
    this.#names = new Set([...LOOPBACK_NAMES, ...addresses, ...allowed.map((name) => name.toLowerCase())]);
  }

  /** `host` is the Host header: a name with or without a port. */
  has(host: string | undefined): boolean {
    const name = host === undefined ? undefined : nameOf(host);
    return name !== undefined && this.#names.has(name);
  }
}

/** True when a browser's `Origin` is the address that the request was sent to. */
export function isSameOrigin(origin: string, host: string | undefined): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, host: originHost } = new URL(origin);
  return (protocol === 'http:' || protocol === 'https:') && originHost === host?.toLowerCase();
}

function nameOf(host: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:@/?#\s]+))(?::\d{1,5})?$/i.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

function machineAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((each) =>
    (each ?? []).map(({ address }) => address.toLowerCase()),
  );
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
