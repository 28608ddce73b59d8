import { isMillraceError } from '@millrace/core/base';
import type { EventLog } from '@millrace/core/log';
import type { ActionOutcome, ActionRunner, AlertAction } from '@millrace/core/observe';
import type { SourceDirectory } from './source-directory.ts';

/** Carries out what alert rules ask for. */
export function createActionRunner(log: EventLog, sources: SourceDirectory): ActionRunner {
  return async (action) => {
    switch (action.type) {
      case 'scale-partitions':
        return scalePartitions(log, action);
      case 'check-sources':
        return { applied: false, text: sources.check().text };
    }
  };
}

async function scalePartitions(
  log: EventLog,
  action: Extract<AlertAction, { type: 'scale-partitions' }>,
): Promise<ActionOutcome> {
  const topic = log.describe(action.topic);
  if (topic === undefined) return { applied: false, text: `There is no topic ${action.topic}.` };
  const before = topic.partitions;
  const after = Math.min(before * 2, action.partitionsMax);
  if (after <= before) {
    return {
      applied: false,
      text: `${action.topic} has its ${before} partitions already, the most that is allowed.`,
    };
  }
  if (action.dryRun === true) {
    return {
      applied: false,
      text: `Dry run: ${action.topic} would go from ${before} to ${after} partitions.`,
    };
  }
  try {
    await log.addPartitions(action.topic, after);
    return { applied: true, text: `${action.topic} went from ${before} to ${after} partitions.` };
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return {
      applied: false,
      text: `${action.topic} stays at ${before} partitions: ${error.message} ${error.remedy}`,
    };
  }
}
