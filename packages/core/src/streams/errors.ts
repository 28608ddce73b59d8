import { errorsOf } from '../base/index.ts';

/** What can go wrong in the streams room. */
export const STREAMS_ERRORS = {
  STREAMS_BAD_NAME: {
    kind: 'config',
    cause: 'A name in a topology cannot be used for a topic or a folder.',
    remedy: 'Use letters, digits, dots, dashes and underscores, at most 120 of them.',
  },
  STREAMS_DUPLICATE_NAME: {
    kind: 'config',
    cause: 'Two operators or stores of a topology, or two topologies, have the same name.',
    remedy: 'Give one of them another name.',
  },
  STREAMS_EMPTY_TOPOLOGY: {
    kind: 'config',
    cause: 'The topology reads no topic.',
    remedy: 'Begin it with builder.stream(…) or builder.table(…).',
  },
  STREAMS_BAD_OPTION: {
    kind: 'config',
    cause: 'An operator was given an option that makes no sense.',
    remedy: 'Correct the option that the message names.',
  },
  STREAMS_SOURCE_CONFLICT: {
    kind: 'config',
    cause: 'One topology reads a topic in two ways that do not agree.',
    remedy: 'Read the topic once and branch from there, or use the same serdes and timestamp extractor.',
  },
  STREAMS_UNKNOWN_CONTRACT: {
    kind: 'config',
    cause: 'A stream of events was given something that is not an event contract.',
    remedy: 'Pass what defineEvent returned, or the name of a topic.',
  },
  STREAMS_NOT_COPARTITIONED: {
    kind: 'config',
    cause: 'Topics that must meet in one task have different numbers of partitions.',
    remedy: 'Give them the same number of partitions, or bring one into shape with repartition().',
  },
  STREAMS_PARTITIONS_CHANGED: {
    kind: 'config',
    cause:
      'A topic behind keyed state changed its number of partitions, so keys moved away from their state.',
    remedy: 'Use a new topic with the wanted number of partitions and a new application id.',
  },
  STREAMS_STATE_LOST: {
    kind: 'fatal',
    cause: 'A state store has no readable checkpoint and the beginning of its changelog was trimmed.',
    remedy:
      'Restore the state folder from a backup, or start the topology anew under another application id.',
  },
  STREAMS_NO_SUCH_STORE: {
    kind: 'input',
    cause: 'There is no queryable store of that name.',
    remedy:
      'Ask for one of the names that the details list; a store is queryable when its operator names it.',
  },
  STREAMS_BAD_KEY: {
    kind: 'input',
    cause: 'A key is not of the type that its serde writes.',
    remedy: 'Pass a keySerde where the key is made or written; without one, keys are text.',
  },
  STREAMS_BAD_RECORD: {
    kind: 'input',
    cause: 'A record could not be read.',
    remedy: 'Look at its raw bytes in dead_letters, and correct its producer or the serde.',
  },
  STREAMS_BAD_TIMESTAMP: {
    kind: 'input',
    cause: 'A record has no usable event time.',
    remedy: 'Correct the producer, or pass a timestampExtractor that knows what to do.',
  },
  STREAMS_USER_FUNCTION_FAILED: {
    kind: 'fatal',
    cause: 'A function of the topology threw, and its error handler says to stop.',
    remedy: 'Correct the function; the topology resumes at the record that failed.',
  },
  STREAMS_ASYNC_IN_DRIVER: {
    kind: 'input',
    cause: 'A function of the topology returned a promise while the test driver was asked to be synchronous.',
    remedy: 'Use pipeAsync instead of pipe, and advance the clock while it waits.',
  },
  STREAMS_CLOSING: {
    kind: 'aborted',
    cause: 'The streams runtime is closing.',
    remedy: 'Nothing: the record is processed again after the next start.',
  },
} as const;

export const fail = errorsOf(STREAMS_ERRORS);
