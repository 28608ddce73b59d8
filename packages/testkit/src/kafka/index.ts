/** Real Apache Kafka brokers: for tests, and for `npm run kafka`. */
export type { BrokerPorts, OutsideSecurity } from './broker-properties.ts';
export { endOf, endProcess, KafkaCluster, spawnBroker, waitForPort } from './cluster.ts';
export { type ClusterPlan, prepareCluster } from './cluster-folder.ts';
export { emptyCluster } from './empty-cluster.ts';
export { freePorts, isPortTaken } from './free-ports.ts';
export { createPlainTopic } from './plain-topic.ts';
