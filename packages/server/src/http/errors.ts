import { errorsOf, type ErrorDefinition } from '@millrace/core/base';

/** Why the server does not start, or does not serve a request. */
export const HTTP_ERRORS = {
  HTTP_KEYS_REQUIRED: {
    kind: 'config',
    cause: 'Listening beyond the loopback needs keys: anybody could send events otherwise.',
    remedy: 'Set auth.ingestKeys in millrace.config.ts, or listen on 127.0.0.1.',
  },
  HTTP_PORT_TAKEN: {
    kind: 'config',
    cause: 'Another program listens on the port.',
    remedy: 'Stop that program, or choose another port (`--port N`).',
  },
  HTTP_CANNOT_LISTEN: {
    kind: 'config',
    cause: 'The operating system does not let us listen on the address.',
    remedy: 'Choose an address of this machine and a port that you may use (`--host`, `--port`).',
  },
  HTTP_UNKNOWN_HOST: {
    kind: 'input',
    cause: 'The Host header is not a name that this server serves.',
    remedy: 'Use the printed address, or add the name to http.allowedHosts in millrace.config.ts.',
  },
  HTTP_FOREIGN_ORIGIN: {
    kind: 'input',
    cause: 'The request comes from a page of another origin.',
    remedy: 'Send it from a server, or from the page that this server serves.',
  },
  HTTP_UNSUPPORTED_CONTENT_TYPE: {
    kind: 'input',
    cause: 'A request that changes something must say that it carries JSON or NDJSON.',
    remedy: 'Send content-type application/json or application/x-ndjson.',
  },
  HTTP_KEY_REQUIRED: {
    kind: 'input',
    cause: 'The key is missing or wrong.',
    remedy: 'Send a key of auth.ingestKeys as `Authorization: Bearer KEY` or `x-api-key: KEY`.',
  },
  HTTP_PAGE_KEY_REQUIRED: {
    kind: 'input',
    cause: 'Reading beyond the loopback needs a page key.',
    remedy: 'Send a page key as `Authorization: Bearer KEY`, or as the password that the browser asks for.',
  },
  HTTP_SESSION_REQUIRED: {
    kind: 'input',
    cause: 'The session of the page is missing or from an earlier start of the server.',
    remedy: 'Load the page again.',
  },
  HTTP_RATE_LIMITED: {
    kind: 'transient',
    cause: 'The key has sent more events than it may for now.',
    remedy: 'Send again after the time given; the limit is ingest.eventsPerSecondMax.',
  },
  HTTP_NOT_FOUND: {
    kind: 'input',
    cause: 'There is nothing at this address.',
    remedy: 'Check the address and the method.',
  },
  HTTP_BAD_REQUEST: {
    kind: 'input',
    cause: 'The request is not well formed.',
    remedy: 'Correct what the message names.',
  },
  HTTP_INTERNAL: {
    kind: 'fatal',
    cause: 'The server failed at this request.',
    remedy: 'Look at the server’s log; please report it, for it is a fault of Millrace.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const fail = errorsOf(HTTP_ERRORS);
