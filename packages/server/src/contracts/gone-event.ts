import type { ContractRecord } from '@millrace/core/contract';

/** What a person should know of an event type that the project has no contract for any more. */
export function goneEventText({ name, topic }: ContractRecord): string {
  return (
    `Event '${name}' has no contract any more: what topic '${topic}' holds of it stays, ` +
    'and new events of it are rejected.'
  );
}
