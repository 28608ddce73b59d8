import type { LiveRequest } from 'millrace/wire';
import { Connection } from './connection.ts';
import type { SwitchboardMessage, TabMessage } from './port-messages.ts';

interface Line {
  readonly id: string;
  readonly key: string;
  readonly followers: Set<MessagePort>;
}

/** Shares one connection among all tabs of the browser: each distinct query travels once. */
export class Switchboard {
  readonly #connection: Connection;
  readonly #ports = new Set<MessagePort>();
  readonly #byKey = new Map<string, Line>();
  readonly #byId = new Map<string, Line>();
  #lines = 0;

  constructor() {
    this.#connection = new Connection({
      onMessage: (message) => {
        const line = this.#byId.get(message.query);
        for (const port of line?.followers ?? []) {
          post(port, { type: 'message', key: (line as Line).key, message });
        }
      },
      onLost: () => this.#tellAll({ type: 'lost' }),
      onStatus: (status) => this.#tellAll({ type: 'status', status }),
    });
  }

  add(port: MessagePort): void {
    this.#ports.add(port);
    port.addEventListener('message', ({ data }: MessageEvent<TabMessage>) => this.#receive(port, data));
    port.start();
    post(port, { type: 'status', status: this.#connection.status });
  }

  #receive(port: MessagePort, message: TabMessage): void {
    switch (message.type) {
      case 'follow':
        return this.#follow(port, message);
      case 'unfollow':
        return this.#unfollow(port, message.key);
      case 'lock':
        // Granted when the tab is gone, also when it could not say so.
        void navigator.locks.request(message.name, () => this.#remove(port));
        return;
      case 'bye':
        return this.#remove(port);
    }
  }

  #follow(port: MessagePort, { key, query }: { key: string; query: LiveRequest['query'] }): void {
    let line = this.#byKey.get(key);
    if (line === undefined) {
      line = { id: `q${++this.#lines}`, key, followers: new Set() };
      this.#byKey.set(key, line);
      this.#byId.set(line.id, line);
      this.#connection.add(line.id, query);
    }
    line.followers.add(port);
    const view = this.#connection.readers.view(line.id);
    if (view !== undefined) post(port, { type: 'view', key, view });
  }

  #unfollow(port: MessagePort, key: string): void {
    const line = this.#byKey.get(key);
    if (line === undefined) return;
    line.followers.delete(port);
    if (line.followers.size > 0) return;
    this.#byKey.delete(key);
    this.#byId.delete(line.id);
    this.#connection.remove(line.id);
  }

  #remove(port: MessagePort): void {
    if (!this.#ports.delete(port)) return;
    for (const key of this.#byKey.keys()) this.#unfollow(port, key);
    port.close();
  }

  #tellAll(message: SwitchboardMessage): void {
    for (const port of this.#ports) post(port, message);
  }
}

function post(port: MessagePort, message: SwitchboardMessage): void {
  port.postMessage(message);
}
