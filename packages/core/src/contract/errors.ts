import { errorsOf, type ErrorDefinition } from '../base/index.ts';

/** What can be wrong with event contracts; all of it is found before the first event is accepted. */
export const CONTRACT_ERRORS = {
  CONTRACT_BAD_DEFINITION: {
    kind: 'config',
    cause: 'An event contract is not well formed.',
    remedy: 'Correct the definition that the message names.',
  },
  CONTRACT_DUPLICATE_NAME: {
    kind: 'config',
    cause: 'Two contracts have the same event name.',
    remedy: 'Keep one contract for each event name; raise its version when it changes.',
  },
  CONTRACT_CONFLICT: {
    kind: 'config',
    cause: 'Event types of one topic contradict each other.',
    remedy: 'Give the field the same type in both contracts, or move one of them to a topic of its own.',
  },
  CONTRACT_INCOMPATIBLE: {
    kind: 'config',
    cause: 'A contract has changed in a way that the stored events do not allow. Nothing was opened.',
    remedy:
      'Raise the version and keep stored events readable: a new field is optional, one of another type has ' +
      'a new name. Another topic or key takes a new event. Or put the contract back.',
  },
  CONTRACT_RECORD_UNREADABLE: {
    kind: 'config',
    cause: 'The contracts.json of the data folder, which remembers the contracts, cannot be read.',
    remedy:
      'Restore it from a backup; or, when no contract has changed since the last start, delete it: the ' +
      'next start writes it anew.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const fail = errorsOf(CONTRACT_ERRORS);
