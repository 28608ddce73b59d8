/** The program watching and steering itself. */
export { createActionRunner } from './action-runner.ts';
export { openAuditTrail } from './audit-trail.ts';
export { startCaptures } from './captures.ts';
export { Companions } from './companions.ts';
export { HopFigures } from './hop-figures.ts';
export { lineLogger } from './line-logger.ts';
export { SourceDirectory } from './source-directory.ts';
export { systemClock } from './system-clock.ts';
export { ModelBoard } from './model-board.ts';
export { observedMeter } from './observed-meter.ts';
export { pipelineReport } from './pipeline-report.ts';
export { SystemProbe } from './system-probe.ts';
export { systemRandom } from './system-random.ts';
export { Visibility, watched } from './visibility.ts';
