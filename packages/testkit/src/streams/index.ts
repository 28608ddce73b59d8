/**
 * Streams under a test's control: a machine that can crash, figures to look at, seeded input, the same in one
 * batch.
 */
export { RecordedMeter } from './recorded-meter.ts';
export { CRASHED, StreamsMachine, type InputRecord, type StreamsMachineOptions } from './streams-machine.ts';
