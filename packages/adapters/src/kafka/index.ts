/** The event log on Apache Kafka. */
export type { KafkaLogLimits, KafkaLogOptions, SaslOptions } from './config.ts';
export type { Codec } from './compression.ts';
export { KAFKA_ERRORS } from './errors.ts';
export { openKafkaLog } from './kafka-log.ts';
