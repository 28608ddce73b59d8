/** Kafka Streams for TypeScript: the DSL, the runtime, queryable stores and the test driver. */
export { DEAD_LETTERS_TOPIC } from './dead-letter.ts';
export type {
  Branches,
  ConsumedOptions,
  GroupedOptions,
  JoinedOptions,
  KeyValueSerdes,
  KGroupedStream,
  KStream,
  KTable,
  MaterializedOptions,
  Named,
  ProcessOptions,
  ProducedOptions,
  RepartitionedOptions,
  SessionWindowedKStream,
  SplitStreams,
  StreamJoinedOptions,
  StreamsBuilder,
  SuppressedOptions,
  TimeWindowedKStream,
  WindowedMaterializedOptions,
} from './dsl.ts';
export { STREAMS_ERRORS } from './errors.ts';
export { EVENT_TIME_HEADER, REPLAYED_HEADER } from './event-time-header.ts';
export type { JoinWindows } from './join-windows.ts';
export type { KeyValueStore } from './key-value-store.ts';
export type { PunctuationType } from './operator.ts';
export * from './port.ts';
export {
  createStreamsRuntime,
  type ApplicationStatus,
  type StreamsRuntime,
  type StreamsRuntimeOptions,
} from './streams-runtime.ts';
export type { ApplicationState } from './application.ts';
export type {
  FixedKeyProcessorContext,
  FixedKeyProcessorSupplier,
  Processor,
  ProcessorContext,
  ProcessorSupplier,
  StoreHandle,
} from './processor.ts';
export { Serdes, type Serde } from './serde.ts';
export type { TimestampExtractor } from './source-operators.ts';
export type { RecordFunction } from './stateless-operators.ts';
export type { RecordContext, StreamRecord } from './stream-record.ts';
export {
  defineTopology,
  isTopology,
  type FailureResponse,
  type Topology,
  type TopologyFailure,
  type TopologyOptions,
} from './topology.ts';
export {
  TopologyTestDriver,
  type PartialEvent,
  type TestDeadLetter,
  type TestDriverOptions,
  type TestEventTopic,
  type TestInputTopic,
  type TestOutputTopic,
  type TestTopicOptions,
} from './topology-test-driver.ts';
export {
  sessionWindowedSerde,
  Windowed,
  windowedSerde,
  type SessionWindows,
  type TimeWindows,
} from './windows.ts';
