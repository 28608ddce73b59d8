/** The browser's one connection, shared by all tabs. */
import { Switchboard } from './switchboard.ts';

const switchboard = new Switchboard();

addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports;
  if (port !== undefined) switchboard.add(port);
});
