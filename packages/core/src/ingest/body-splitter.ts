/** How a body holds its events: one JSON document, or one event a line. */
export type BodyFormat = 'json' | 'lines';

/** Where the events of a body lie: event `i` is `body[starts[i]] … body[ends[i] - 1]`. */
export interface EventBounds {
  readonly starts: number[];
  readonly ends: number[];
}

const TAB = 9;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const BRACKET_OPEN = 91;
const BACKSLASH = 92;
const BRACKET_CLOSE = 93;
const BRACE_OPEN = 123;
const BRACE_CLOSE = 125;

const FORMATS: Readonly<Record<string, BodyFormat>> = {
  'application/json': 'json',
  'application/x-ndjson': 'lines',
  'application/ndjson': 'lines',
  'application/jsonl': 'lines',
  'application/x-jsonlines': 'lines',
};

/**
 * The format that a `Content-Type` announces; undefined for others than JSON and NDJSON, and for other
 * charsets.
 */
export function bodyFormatOf(contentType: string | undefined): BodyFormat | undefined {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const charset = parameters.map((each) => each.trim()).find((each) => each.startsWith('charset='));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) return undefined;
  return Object.hasOwn(FORMATS, type.trim()) ? FORMATS[type.trim()] : undefined;
}

/**
 * Finds the events of a body without parsing them: lines, the elements of a JSON array, or the one document.
 * Undefined when an array is not well formed. When it is returned and every piece is JSON, the whole body is.
 */
export function splitBody(body: Uint8Array, format: BodyFormat): EventBounds | undefined {
  const bounds: EventBounds = { starts: [], ends: [] };
  const start = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
  if (format === 'lines') {
    splitLines(body, start, bounds);
    return bounds;
  }
  const first = skipSpace(body, start);
  if (body[first] === BRACKET_OPEN) return splitArray(body, first, bounds) ? bounds : undefined;
  pushTrimmed(bounds, body, { start: first, end: body.length });
  return bounds;
}

function splitLines(body: Uint8Array, start: number, bounds: EventBounds): void {
  while (start < body.length) {
    let end = body.indexOf(LINE_FEED, start);
    if (end < 0) end = body.length;
    pushTrimmed(bounds, body, { start, end });
    start = end + 1;
  }
}

/** Adds what is left without white space at both ends; nothing when nothing is left. */
function pushTrimmed(bounds: EventBounds, body: Uint8Array, piece: { start: number; end: number }): void {
  const start = skipSpace(body, piece.start);
  let { end } = piece;
  while (end > start && isSpace(body[end - 1]!)) end--;
  if (end <= start) return;
  bounds.starts.push(start);
  bounds.ends.push(end);
}

function splitArray(body: Uint8Array, open: number, bounds: EventBounds): boolean {
  let at = skipSpace(body, open + 1);
  if (body[at] === BRACKET_CLOSE) return skipSpace(body, at + 1) === body.length;
  for (;;) {
    const end = endOfValue(body, at);
    if (end <= at) return false;
    bounds.starts.push(at);
    bounds.ends.push(end);
    at = skipSpace(body, end);
    if (body[at] === BRACKET_CLOSE) return skipSpace(body, at + 1) === body.length;
    if (body[at] !== COMMA) return false;
    at = skipSpace(body, at + 1);
  }
}

/** The position after the value at `at`, by brackets and quotes alone; -1 when the body ends within it. */
function endOfValue(body: Uint8Array, at: number): number {
  const first = body[at];
  if (first === QUOTE) return endOfString(body, at + 1);
  if (first !== BRACE_OPEN && first !== BRACKET_OPEN) return endOfScalar(body, at);
  let depth = 0;
  while (at < body.length) {
    const byte = body[at++];
    if (byte === QUOTE) {
      at = endOfString(body, at);
      if (at < 0) return -1;
    } else if (byte === BRACE_OPEN || byte === BRACKET_OPEN) depth++;
    else if ((byte === BRACE_CLOSE || byte === BRACKET_CLOSE) && --depth === 0) return at;
  }
  return -1;
}

function endOfString(body: Uint8Array, at: number): number {
  while (at < body.length) {
    const byte = body[at++];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return -1;
}

function endOfScalar(body: Uint8Array, at: number): number {
  while (at < body.length && body[at] !== COMMA && body[at] !== BRACKET_CLOSE && !isSpace(body[at]!)) at++;
  return at;
}

function skipSpace(body: Uint8Array, at: number): number {
  while (at < body.length && isSpace(body[at]!)) at++;
  return at;
}

/** What JSON takes for white space. */
function isSpace(byte: number): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === TAB;
}
