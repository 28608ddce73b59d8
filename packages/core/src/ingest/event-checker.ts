import { messageOf, sleep, type Clock } from '../base/index.ts';
import { isEventId, type AnyEvent, type EventContract } from '../contract/index.ts';
import { BodyText } from './body-text.ts';
import { fail, type RejectionCode } from './errors.ts';
import type { IngestRequest, IngestTopic } from './ingest-request.ts';
import type { IngestLimits } from './limits.ts';

const MESSAGE_LENGTH_MAX = 300;

/**
 * Work between two pauses, in bytes of input; an event and a rejection count for what they cost beyond their
 * bytes.
 */
const WORK_MAX = 256 * 1024;
const EVENT_WORK = 200;
const REJECTION_WORK = 4000;

/**
 * Where events come from: a JSON document, where everything must be JSON; lines, of which one must be; or
 * dead letters, where each stands for itself.
 */
export type EventSource = 'document' | 'lines' | 'letters';

/** An event type and the topic that takes it. */
export interface Route {
  readonly contract: EventContract;
  readonly topic: IngestTopic;
}

/** Parses and validates the events of requests. */
export class EventChecker {
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #limits: IngestLimits;
  readonly #clock: Clock;

  constructor(options: { routes: ReadonlyMap<string, Route>; limits: IngestLimits; clock: Clock }) {
    this.#routes = options.routes;
    this.#limits = options.limits;
    this.#clock = options.clock;
  }

  /**
   * Routes or rejects every event of the request; pauses within a large one, so that others get their turn.
   * `INGEST_BODY_NOT_JSON` when the source does not allow for what is not JSON.
   */
  async check(request: IngestRequest, source: EventSource): Promise<void> {
    const text = new BodyText(request.body);
    let work = 0;
    let notJson = 0;
    for (let event = 0; event < request.count; event++) {
      const code = this.#checkOne(request, event, text);
      work +=
        request.ends[event]! - request.starts[event]! + (code === undefined ? EVENT_WORK : REJECTION_WORK);
      if (code === 'INGEST_NOT_JSON' || code === 'INGEST_NOT_UTF8') {
        notJson++;
        if (source === 'document') break;
      }
      if (work > WORK_MAX && event + 1 < request.count) {
        work = 0;
        await sleep(this.#clock, 0);
      }
    }
    const isRefused = source === 'document' ? notJson > 0 : source === 'lines' && notJson === request.count;
    if (isRefused && notJson > 0) {
      const { index, message } = request.rejections.at(-1)!;
      throw fail('INGEST_BODY_NOT_JSON', { details: { index, reason: message } });
    }
  }

  #checkOne(request: IngestRequest, index: number, text: BodyText): RejectionCode | undefined {
    const start = request.starts[index]!;
    const end = request.ends[index]!;
    if (end - start > this.#limits.eventBytesMax) {
      const message = `The event has ${end - start} bytes; the limit is ${this.#limits.eventBytesMax}.`;
      return request.reject(index, 'INGEST_EVENT_TOO_LARGE', message);
    }
    const json = text.slice(start, end);
    if (json === undefined) return request.reject(index, 'INGEST_NOT_UTF8', 'The event is not valid UTF-8.');
    let event: unknown;
    try {
      event = JSON.parse(json);
    } catch (error) {
      return request.reject(index, 'INGEST_NOT_JSON', shorten(messageOf(error)));
    }
    return this.#checkEvent(request, index, event);
  }

  #checkEvent(request: IngestRequest, index: number, value: unknown): RejectionCode | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return request.reject(index, 'INGEST_NOT_AN_OBJECT', 'An event must be a JSON object.');
    }
    if (isDeeperThan(value, this.#limits.depthMax)) {
      const message = `The event is nested deeper than ${this.#limits.depthMax} levels.`;
      return request.reject(index, 'INGEST_TOO_DEEP', message);
    }
    const event = value as AnyEvent;
    const route = this.#routes.get(event.event_type);
    if (route === undefined) {
      const message = `No contract defines event_type ${JSON.stringify(event.event_type) ?? '(missing)'}.`;
      return request.reject(index, 'INGEST_UNKNOWN_TYPE', shorten(message));
    }
    const { contract, topic } = route;
    if (!contract.isValid(event)) return rejectInvalid(request, index, { contract, event });
    const aheadMs = contract.timeMsOf(event) - request.receivedAtMs;
    if (aheadMs > this.#limits.futureToleranceMs) {
      const message = `/${contract.timeField} lies ${Math.round(aheadMs / 1000)} s in the future.`;
      return request.reject(index, 'INGEST_FUTURE_TIME', message);
    }
    topic.index.hash(contract.idOf(event), request.hashes, index * 4);
    request.route(index, topic, contract.keyOf(event));
    return undefined;
  }
}

function rejectInvalid(
  request: IngestRequest,
  index: number,
  invalid: { contract: EventContract; event: AnyEvent },
): RejectionCode {
  const { contract, event } = invalid;
  const message = shorten(contract.violation(event)?.message ?? 'The event does not fit its contract.');
  if (!isEventId(event[contract.idField])) return request.reject(index, 'INGEST_BAD_EVENT_ID', message);
  if (Number.isNaN(contract.timeMsOf(event))) return request.reject(index, 'INGEST_BAD_TIME', message);
  return request.reject(index, 'INGEST_BAD_FIELD', message);
}

/**
 * True when objects and arrays lie within each other at more than `levels` levels. Never goes deeper than
 * that.
 */
export function isDeeperThan(value: object, levels: number): boolean {
  if (levels === 0) return true;
  if (Array.isArray(value)) {
    for (const element of value as unknown[]) {
      if (typeof element === 'object' && element !== null && isDeeperThan(element, levels - 1)) return true;
    }
    return false;
  }
  for (const field in value) {
    const element = (value as Record<string, unknown>)[field];
    if (typeof element === 'object' && element !== null && isDeeperThan(element, levels - 1)) return true;
  }
  return false;
}

function shorten(text: string): string {
  return text.length <= MESSAGE_LENGTH_MAX ? text : `${text.slice(0, MESSAGE_LENGTH_MAX)}…`;
}
