/** How clients reach a cluster from outside. */
export interface OutsideSecurity {
  readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  /** Further properties of the brokers: the key store, the mechanisms, the users. */
  readonly properties: Readonly<Record<string, string>>;
}

/** The ports of one broker. */
export interface BrokerPorts {
  /** For clients, 9092 by custom. */
  readonly outside: number;
  /** Between brokers, 29092 by custom. */
  readonly inside: number;
  readonly controller: number;
}

export interface BrokerPlan {
  readonly nodeId: number;
  readonly dataFolder: string;
  /** Of all brokers of the cluster, by node id from 1. */
  readonly ports: readonly BrokerPorts[];
  readonly security?: OutsideSecurity;
  /** Take precedence. */
  readonly properties?: Readonly<Record<string, string>>;
}

const HOST = '127.0.0.1';
const YEAR_MINUTES = 365 * 24 * 60;

/** `server.properties` of a broker that is a controller as well (KRaft), set up for exactly-once. */
export function brokerProperties(plan: BrokerPlan): string {
  const { nodeId, dataFolder, ports, security = { protocol: 'PLAINTEXT', properties: {} } } = plan;
  const own = ports[nodeId - 1]!;
  // A record counts as stored when a majority has it: one of three brokers may be away.
  const replicas = ports.length >= 3 ? 3 : 1;
  const inSync = replicas === 3 ? 2 : 1;
  const listeners = [`INSIDE://${HOST}:${own.inside}`, `OUTSIDE://${HOST}:${own.outside}`];
  const properties: Readonly<Record<string, string | number | boolean>> = {
    'process.roles': 'broker,controller',
    'node.id': nodeId,
    'controller.quorum.voters': ports.map(({ controller }, i) => `${i + 1}@${HOST}:${controller}`).join(','),
    'listeners': [...listeners, `CONTROLLER://${HOST}:${own.controller}`].join(','),
    'advertised.listeners': listeners.join(','),
    'listener.security.protocol.map': `INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT,OUTSIDE:${security.protocol}`,
    'inter.broker.listener.name': 'INSIDE',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': dataFolder,
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.num.partitions': 4,
    // Offsets of a group that rests must not expire before the records do.
    'offsets.retention.minutes': YEAR_MINUTES,
    'group.initial.rebalance.delay.ms': 0,
    'auto.create.topics.enable': false,
    ...security.properties,
    ...plan.properties,
  };
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}
