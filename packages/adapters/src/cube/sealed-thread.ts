import childProcess from 'node:child_process';
import dgram from 'node:dgram';
import dns from 'node:dns';
import dnsPromises from 'node:dns/promises';
import net from 'node:net';

/**
 * Closes the thread's ways to the outside: connections, name look-ups and child processes throw. Cube needs
 * none of them (its SQL goes by message, its server listens on a socket file), so an attempt is a defect, and
 * it is reported.
 *
 * Modules are of one thread: nothing outside of it changes.
 */
export function sealThread(report: (attempt: string) => void): void {
  const refuse = (what: string) => () => {
    report(what);
    throw new Error(`The Cube thread may not use ${what}.`);
  };
  const replace = (module: object, names: RegExp, what: string) => {
    const members = module as Record<string, unknown>;
    for (const name of Object.keys(members)) if (names.test(name)) members[name] = refuse(what);
  };
  net.Socket.prototype.connect = refuse('the network');
  globalThis.fetch = refuse('the network');
  for (const module of [dns, dnsPromises]) replace(module, /^(lookup|resolve|reverse)/, 'name look-ups');
  replace(dgram, /^createSocket$/, 'datagrams');
  replace(childProcess, /^(exec|fork|spawn)/, 'child processes');
}
