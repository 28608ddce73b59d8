const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The text of pieces of a body. The whole is decoded and checked at once; as long as it is ASCII, bytes and
 * characters have the same positions, and a piece is cut from the text without another copy.
 */
export class BodyText {
  readonly #body: Buffer;
  readonly #whole: string | undefined;
  readonly #isAscii: boolean;

  constructor(body: Buffer) {
    this.#body = body;
    this.#whole = decode(body);
    this.#isAscii = this.#whole?.length === body.length;
  }

  /** Undefined when the piece is not valid UTF-8. */
  slice(start: number, end: number): string | undefined {
    if (this.#isAscii) return this.#whole!.substring(start, end);
    if (this.#whole !== undefined) return this.#body.toString('utf8', start, end);
    return decode(this.#body.subarray(start, end));
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
