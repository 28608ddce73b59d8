import { fail } from './errors.ts';
import type { EventContract } from './event-contract.ts';
import type { Column, TableSchema } from './table-schema.ts';

/** What one topic holds. */
export interface TopicContract {
  readonly topic: string;
  /** False when its events have no key: its partitions may be changed without moving a key. */
  readonly keyed: boolean;
  readonly contracts: readonly EventContract[];
  readonly table: TableSchema;
}

export interface ContractRegistryOptions {
  /** Where a contract is written, for error messages. Default: its name alone. */
  readonly fileOf?: (contract: EventContract) => string | undefined;
}

/**
 * All event types of a project. Its construction checks that they fit together: `CONTRACT_DUPLICATE_NAME`,
 * `CONTRACT_CONFLICT` (types, keys, id or time fields of one topic), each naming both contracts.
 */
export class ContractRegistry {
  readonly #contracts = new Map<string, EventContract>();
  readonly #topics = new Map<string, TopicContract>();
  readonly #describe: (contract: EventContract) => string;

  constructor(contracts: readonly EventContract[], options: ContractRegistryOptions = {}) {
    this.#describe = (contract) => {
      const file = options.fileOf?.(contract);
      return file === undefined ? `event '${contract.name}'` : `event '${contract.name}' (${file})`;
    };
    const byTopic = new Map<string, EventContract[]>();
    for (const contract of contracts) {
      this.#add(contract);
      const sameTopic = byTopic.get(contract.topic);
      if (sameTopic === undefined) byTopic.set(contract.topic, [contract]);
      else sameTopic.push(contract);
    }
    for (const [topic, members] of byTopic) this.#topics.set(topic, this.#topicOf(topic, members));
  }

  /** The contract of an `event_type`; undefined for an unknown one. */
  contract(name: string): EventContract | undefined {
    return this.#contracts.get(name);
  }

  contracts(): readonly EventContract[] {
    return [...this.#contracts.values()];
  }

  /** Undefined when no contract names the topic. */
  topic(topic: string): TopicContract | undefined {
    return this.#topics.get(topic);
  }

  topics(): readonly TopicContract[] {
    return [...this.#topics.values()];
  }

  /** The raw tables that the topics need. */
  tables(): readonly TableSchema[] {
    return this.topics().map((topic) => topic.table);
  }

  #add(contract: EventContract): void {
    const other = this.#contracts.get(contract.name);
    if (other !== undefined) {
      const message = `${this.#describe(other)} and ${this.#describe(contract)} have the same name.`;
      throw fail('CONTRACT_DUPLICATE_NAME', { message, details: { event: contract.name } });
    }
    this.#contracts.set(contract.name, contract);
  }

  #topicOf(topic: string, contracts: readonly EventContract[]): TopicContract {
    const first = contracts[0]!;
    for (const contract of contracts) {
      if (contract.idField !== first.idField) {
        this.#conflict(
          topic,
          [first, contract],
          `their id fields are '${first.idField}' and '${contract.idField}'`,
        );
      }
      if (contract.timeField !== first.timeField) {
        this.#conflict(
          topic,
          [first, contract],
          `their time fields are '${first.timeField}' and '${contract.timeField}'`,
        );
      }
      if ((contract.key === undefined) !== (first.key === undefined)) {
        this.#conflict(topic, [first, contract], 'one has a key and the other has none');
      }
    }
    const table: TableSchema = {
      topic,
      table: `raw_${topic}`,
      columns: this.#columnsOf(topic, contracts),
      idColumn: first.idField,
      timeColumn: first.timeField,
    };
    return { topic, keyed: first.key !== undefined, contracts, table };
  }

  #columnsOf(topic: string, contracts: readonly EventContract[]): Column[] {
    const { idField, timeField } = contracts[0]!;
    const columns = new Map<string, Column>([
      [idField, { name: idField, type: 'varchar', personal: false }],
      ['event_type', { name: 'event_type', type: 'varchar', personal: false }],
      [timeField, { name: timeField, type: 'timestamp', personal: false }],
    ]);
    const owners = new Map<string, EventContract>();
    for (const contract of contracts) {
      for (const column of contract.columns) {
        const known = columns.get(column.name);
        const owner = owners.get(column.name);
        if (known !== undefined && owner !== undefined && known.type !== column.type) {
          const reason = `field '${column.name}' is ${known.type} in one and ${column.type} in the other`;
          this.#conflict(topic, [owner, contract], reason);
        }
        owners.set(column.name, contract);
        const isSystem = column.name === idField || column.name === timeField;
        const type = isSystem ? known!.type : column.type;
        columns.set(column.name, {
          name: column.name,
          type,
          personal: column.personal || known?.personal === true,
        });
      }
    }
    return [...columns.values()];
  }

  #conflict(topic: string, pair: readonly [EventContract, EventContract], reason: string): never {
    const [one, other] = pair;
    const message = `Topic '${topic}': ${this.#describe(one)} and ${this.#describe(other)}: ${reason}.`;
    throw fail('CONTRACT_CONFLICT', { message, details: { topic, events: [one.name, other.name] } });
  }
}
