/** The rules of the event log as tests that every implementation passes. */
export { simulateLogCrashes, type SimulationReport } from './crash-simulation.ts';
export { testCodecs } from './codecs.ts';
export { eventLogSuite, type LogHarness } from './suite.ts';
export { EmbeddedHarness, type EmbeddedHarnessOptions } from './embedded-harness.ts';
export { KafkaHarness, type KafkaHarnessOptions, type KafkaOpening, realClock } from './kafka-harness.ts';
export {
  append,
  assertOffset,
  batchOf,
  type LogFixture,
  readAll,
  readValues,
  rejection,
  until,
  valueOf,
} from './fixture.ts';
export { NumberedCommits } from './numbered-commits.ts';
