import type { Clock, Logger, Meter } from '@millrace/core/base';
import { type Checksum, crc32c } from '@millrace/core/log';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { Codec } from './compression.ts';

/** How the brokers know who connects. */
export interface SaslOptions {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly username: string;
  readonly password: string;
}

export interface KafkaLogOptions {
  /** `HOST:PORT` of some brokers; the others are found through them. */
  readonly brokers: readonly string[];
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Names the one writer of this log: a second opener with the same id takes over. Default `millrace`. */
  readonly transactionalId?: string;
  /** Encrypted connections: certificates as Node's `tls.connect` takes them. Default: not encrypted. */
  readonly tls?: TlsOptions;
  /** Default: no authentication. */
  readonly sasl?: SaslOptions;
  /** Of what is appended; every codec is read. Default `none`. */
  readonly compression?: Codec;
  /** CRC-32C. Default: the portable one; a native one is about five times as fast. */
  readonly checksum?: Checksum;
  /** Called once when the log takes no more commits: it was fenced, or what it did last is not known. */
  readonly onFailure?: (error: Error) => void;
  readonly limits?: Partial<KafkaLogLimits>;
}

export interface KafkaLogLimits {
  /** Bytes that may wait to become durable. Default 64 MiB. */
  readonly inFlightBytesMax: number;
  /** Largest batch. Default 16 MiB; topics that the log makes accept it. */
  readonly batchBytesMax: number;
  /** Commits that wait share a transaction up to this size. Default 4 MiB. */
  readonly transactionBytesMax: number;
  /** How often appends and deletions by others are looked for. Default 200 milliseconds. */
  readonly refreshIntervalMs: number;
  /** How long a commit, a read or a change of a topic is tried again before it fails. Default 30 seconds. */
  readonly retryMsMax: number;
  /** The brokers end a transaction that rests this long. Default 60 seconds. */
  readonly transactionTimeoutMs: number;
}

export interface KafkaSettings extends Omit<KafkaLogOptions, 'brokers'> {
  readonly brokers: readonly { readonly host: string; readonly port: number }[];
  readonly transactionalId: string;
  readonly compression: Codec;
  readonly checksum: Checksum;
  readonly limits: KafkaLogLimits;
}

const LIMITS_DEFAULT: KafkaLogLimits = {
  inFlightBytesMax: 64 << 20,
  batchBytesMax: 16 << 20,
  transactionBytesMax: 4 << 20,
  refreshIntervalMs: 200,
  retryMsMax: 30_000,
  transactionTimeoutMs: 60_000,
};

const PORT_DEFAULT = 9092;

export function kafkaSettings(options: KafkaLogOptions): KafkaSettings {
  return {
    ...options,
    brokers: options.brokers.map(addressOf),
    transactionalId: options.transactionalId ?? 'millrace',
    compression: options.compression ?? 'none',
    checksum: options.checksum ?? crc32c,
    limits: { ...LIMITS_DEFAULT, ...options.limits },
  };
}

function addressOf(broker: string): { host: string; port: number } {
  const parts = /^(.+?)(?::(\d+))?$/.exec(broker);
  return { host: parts?.[1] ?? broker, port: Number(parts?.[2] ?? PORT_DEFAULT) };
}
