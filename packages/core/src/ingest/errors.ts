import { errorsOf, type ErrorDefinition } from '../base/index.ts';

/** Why one event of an admitted request was rejected; it is kept in `dead_letters`. */
export const REJECTION_ERRORS = {
  INGEST_NOT_JSON: {
    kind: 'input',
    cause: 'The line is not JSON.',
    remedy: 'Send one complete JSON object on each line.',
  },
  INGEST_NOT_UTF8: {
    kind: 'input',
    cause: 'The event is not valid UTF-8.',
    remedy: 'Encode the text as UTF-8.',
  },
  INGEST_NOT_AN_OBJECT: {
    kind: 'input',
    cause: 'The event is not a JSON object.',
    remedy: 'Send each event as an object: {"event_id": …, "event_type": …, "event_timestamp": …, …}.',
  },
  INGEST_EVENT_TOO_LARGE: {
    kind: 'input',
    cause: 'The event is larger than an event may be.',
    remedy: 'Keep large contents elsewhere and send a reference to them.',
  },
  INGEST_TOO_DEEP: {
    kind: 'input',
    cause: 'The event is nested deeper than an event may be.',
    remedy: 'Flatten the event.',
  },
  INGEST_UNKNOWN_TYPE: {
    kind: 'input',
    cause: 'No contract defines this event_type.',
    remedy: 'Correct the event_type, or define it in the events folder and replay the dead letters.',
  },
  INGEST_BAD_EVENT_ID: {
    kind: 'input',
    cause: 'The event id is missing, or not text of 1 to 128 bytes.',
    remedy: 'Give every event an id of its own, and keep it when you send the event again.',
  },
  INGEST_BAD_TIME: {
    kind: 'input',
    cause: 'The event time is missing or not a point in time.',
    remedy: 'Send ISO 8601 with zone (2026-03-01T12:00:00Z) or integer milliseconds since 1970.',
  },
  INGEST_FUTURE_TIME: {
    kind: 'input',
    cause: 'The event time lies too far in the future.',
    remedy: "Correct the sender's clock; the tolerance is the project's ingest.futureToleranceMs.",
  },
  INGEST_BAD_FIELD: {
    kind: 'input',
    cause: 'A field does not fit the contract.',
    remedy: 'Correct the field that the message names, or widen the contract and replay the dead letters.',
  },
} as const satisfies Record<string, ErrorDefinition>;

/** Why a whole request was refused; nothing of it is stored or counted as received. */
export const REQUEST_ERRORS = {
  INGEST_BODY_NOT_JSON: {
    kind: 'input',
    cause: 'The body is not JSON.',
    remedy:
      'Send one JSON object, a JSON array of objects, or one object on each line (application/x-ndjson).',
  },
  INGEST_BODY_TOO_LARGE: {
    kind: 'input',
    cause: 'The body is larger than a request may be.',
    remedy: 'Send fewer events in each request.',
  },
  INGEST_TOO_MANY_EVENTS: {
    kind: 'input',
    cause: 'The request holds more events than a request may.',
    remedy: 'Send fewer events in each request.',
  },
  INGEST_UNSUPPORTED_CONTENT_TYPE: {
    kind: 'input',
    cause: 'The content type is neither JSON nor NDJSON.',
    remedy: 'Send content-type application/json or application/x-ndjson, without a content-encoding.',
  },
  INGEST_OVERLOADED: {
    kind: 'transient',
    cause: 'More bytes are being accepted than memory is set aside for.',
    remedy: 'Send again after the time given; if it persists, send fewer requests at a time.',
  },
  INGEST_CLOSED: {
    kind: 'aborted',
    cause: 'Ingest is stopping.',
    remedy: 'Send again when the server is back; nothing of this request was stored.',
  },
  INGEST_FAILED: {
    kind: 'fatal',
    cause: 'The log can no longer promise that events are durable.',
    remedy: 'Look at the first error in the server log, correct its cause and start again.',
  },
} as const satisfies Record<string, ErrorDefinition>;

/** What concerns the set-up of ingest and its deduplication index. */
export const SETUP_ERRORS = {
  INGEST_TOPIC_MISMATCH: {
    kind: 'config',
    cause: 'A topic does not fit the contracts of its events.',
    remedy: 'Remove `keyed: false` or `cleanup` from the topic, or the key from its contracts; start again.',
  },
  INGEST_BAD_LIMIT: {
    kind: 'config',
    cause: 'A limit of ingest is out of range.',
    remedy: 'Correct the limit that the message names.',
  },
  INGEST_DEDUP_UNREADABLE: {
    kind: 'transient',
    cause: 'A file of the deduplication index could not be read or is damaged.',
    remedy:
      'Check the disk; stop, remove the folder of the file in the details, and start: the log has it all.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const INGEST_ERRORS = { ...REJECTION_ERRORS, ...REQUEST_ERRORS, ...SETUP_ERRORS };

export type RejectionCode = keyof typeof REJECTION_ERRORS;
export type RequestErrorCode = keyof typeof REQUEST_ERRORS;

export const fail = errorsOf(INGEST_ERRORS);
