export type CubeMessage = Readonly<Record<string, unknown>>;

/** A client of Cube's WebSocket protocol, message by message. */
export class CubeSocket {
  readonly #socket: WebSocket;
  readonly #messages: CubeMessage[] = [];
  #wake = () => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      this.#messages.push(JSON.parse(String(data)) as CubeMessage);
      this.#wake();
    });
  }

  /** `url`: of the HTTP server, with `/cubejs-api`. */
  static async open(url: string): Promise<CubeSocket> {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/socket`);
    const opened = new CubeSocket(socket);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve());
      socket.addEventListener('error', () => reject(new Error('WebSocket failed')));
    });
    return opened;
  }

  send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** The next message that fits, taken out; earlier ones that do not fit stay. */
  async next(fits: (message: CubeMessage) => boolean): Promise<CubeMessage> {
    for (;;) {
      const found = this.#messages.findIndex(fits);
      if (found >= 0) return this.#messages.splice(found, 1)[0] as CubeMessage;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends and waits for the reply to it. */
  async ask(messageId: string, method: string, query: unknown): Promise<CubeMessage> {
    this.send({ messageId, method, params: { query, ...(method === 'load' ? { queryType: 'multi' } : {}) } });
    return await this.next((message) => message['messageId'] === messageId);
  }

  close(): void {
    this.#socket.close();
  }
}
