import {
  type API,
  Connection,
  FindCoordinatorKeyTypes,
  findCoordinatorV4,
  metadataV12,
} from '@platformatic/kafka';
import type { KafkaSettings } from './config.ts';

export interface TopicPlaces {
  readonly isInternal: boolean;
  /** Node id of each partition's leader; -1 while there is none. */
  readonly leaders: readonly number[];
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a connection is for: reads do not wait behind writes that wait for replicas. */
export type Lane = 'read' | 'write';

type Coordinated = keyof typeof FindCoordinatorKeyTypes;

const CLIENT_ID = 'millrace';
const CONNECT_MS = 5_000;
const REQUEST_MS = 20_000;

/** Connections to the brokers, and who leads what. Errors are the client's own: `classify` reads them. */
export class BrokerPool {
  readonly #settings: KafkaSettings;
  readonly #connections = new Map<string, Promise<Connection>>();
  readonly #coordinators = new Map<string, number>();
  #nodes = new Map<number, Address>();
  #topics = new Map<string, TopicPlaces>();
  #controllerId = -1;
  #isClosed = false;

  constructor(settings: KafkaSettings) {
    this.#settings = settings;
  }

  /** All topics as the last `refresh` found them. */
  get topics(): ReadonlyMap<string, TopicPlaces> {
    return this.#topics;
  }

  get nodeIds(): readonly number[] {
    return [...this.#nodes.keys()];
  }

  /** Asks for nodes, topics and leaders anew. */
  async refresh(): Promise<void> {
    this.#coordinators.clear();
    const connection = await this.#anyone();
    const metadata = await metadataV12.api
      .async(connection, null, false, false)
      .catch(partialAnswer<metadataV12.MetadataResponse>);
    this.#controllerId = metadata.controllerId;
    this.#nodes = new Map(metadata.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    const topics = new Map<string, TopicPlaces>();
    for (const { name, isInternal, partitions } of metadata.topics) {
      if (!name) continue;
      const leaders: number[] = Array.from({ length: partitions.length }, () => -1);
      for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId;
      topics.set(name, { isInternal, leaders });
    }
    this.#topics = topics;
  }

  /** Node id of the leader; -1 when it is not known. */
  leader(topic: string, partition: number): number {
    return this.#topics.get(topic)?.leaders[partition] ?? -1;
  }

  /** Sends one request to a node and resolves to its answer. */
  async ask<Request extends unknown[], Answer>(
    node: { readonly nodeId: number; readonly lane: Lane },
    api: API<Request, Answer>,
    ...request: Request
  ): Promise<Answer> {
    return await api.async(await this.#connect(node.nodeId, node.lane), ...request);
  }

  /** Sends one request to the controller: changes of topics. */
  async askController<Request extends unknown[], Answer>(
    api: API<Request, Answer>,
    ...request: Request
  ): Promise<Answer> {
    return await this.ask({ nodeId: this.#controllerId, lane: 'write' }, api, ...request);
  }

  /** The node that coordinates a group or a transactional id. */
  async coordinator(kind: Coordinated, key: string): Promise<number> {
    const known = this.#coordinators.get(`${kind} ${key}`);
    if (known !== undefined) return known;
    const type = FindCoordinatorKeyTypes[kind];
    const answer = await findCoordinatorV4.api.async(await this.#anyone(), type, [key]);
    const { nodeId, host, port } = answer.coordinators[0]!;
    this.#nodes.set(nodeId, { host, port });
    this.#coordinators.set(`${kind} ${key}`, nodeId);
    return nodeId;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const connections = [...this.#connections.values()];
    this.#connections.clear();
    await Promise.allSettled(connections.map(async (connection) => (await connection).close()));
  }

  /** A node that answers: one that is connected, one that is known, or one of those that were named. */
  async #anyone(): Promise<Connection> {
    let failure: unknown;
    for (const nodeId of this.nodeIds) {
      try {
        return await this.#connect(nodeId, 'read');
      } catch (error) {
        failure = error;
      }
    }
    for (const address of this.#settings.brokers) {
      try {
        return await this.#open(`${address.host}:${address.port}`, address);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #connect(nodeId: number, lane: Lane): Promise<Connection> {
    const address = this.#nodes.get(nodeId);
    if (address === undefined) throw new UnknownNodeError(nodeId);
    return await this.#open(`${lane} ${nodeId} ${address.host}:${address.port}`, address);
  }

  async #open(key: string, address: Address): Promise<Connection> {
    const existing = this.#connections.get(key);
    if (existing !== undefined) {
      const connection = await existing;
      if (connection.isConnected()) return connection;
      if (this.#connections.get(key) === existing) this.#connections.delete(key);
      return await this.#open(key, address);
    }
    if (this.#isClosed) throw new UnknownNodeError(-1);
    const opening = this.#begin(address);
    this.#connections.set(key, opening);
    opening.catch(() => {
      if (this.#connections.get(key) === opening) this.#connections.delete(key);
    });
    return await opening;
  }

  async #begin({ host, port }: Address): Promise<Connection> {
    const { tls, sasl } = this.#settings;
    const connection = new Connection(CLIENT_ID, {
      connectTimeout: CONNECT_MS,
      requestTimeout: REQUEST_MS,
      ...(tls === undefined ? {} : { tls, tlsServerName: isName(host) }),
      ...(sasl === undefined ? {} : { sasl }),
    });
    // Every request that fails tells its own caller.
    connection.on('error', () => {});
    await connection.connect(host, port);
    return connection;
  }
}

/** Nobody is known by that id (yet): metadata are older than the question. */
class UnknownNodeError extends Error {
  readonly code = 'PLT_KFK_NETWORK';

  constructor(nodeId: number) {
    super(nodeId < 0 ? 'there is no leader' : `node ${nodeId} is not known`);
  }
}

/** Server names are for names: an address has none. */
function isName(host: string): boolean {
  return !/^[\d.]+$|:/.test(host);
}

/** Some topics may have no leader at the moment; the answer says the rest. */
export function partialAnswer<Answer>(error: unknown): Answer {
  const { response } = error as { readonly response?: Answer };
  if (response === undefined) throw error;
  return response;
}
