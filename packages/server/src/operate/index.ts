/** The program watching and steering itself. */
export { createActionRunner } from './action-runner.ts';
export { openAuditTrail } from './audit-trail.ts';
export { Companions, type Progress } from './companions.ts';
export { lineLogger } from './line-logger.ts';
export { SourceDirectory, type SourceProbeResult, type SourceStatus } from './source-directory.ts';
export { systemClock } from './system-clock.ts';
