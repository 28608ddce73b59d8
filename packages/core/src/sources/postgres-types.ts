import { sourcesError } from './errors.ts';
import { type ArrayItem, parseArray } from './postgres-array.ts';
import { clockUs, daysOf, instantText, intervalUs, timestampUs } from './postgres-time.ts';

/** A row of `pg_type`, as much as values need. */
export interface PgType {
  readonly oid: number;
  readonly name: string;
  /** Of an array's elements; 0 for what is no array. */
  readonly element: number;
  /** Of a domain; 0 for what is none. */
  readonly base: number;
  readonly baseModifier: number;
  /** Between the elements of an array. */
  readonly delimiter: string;
}

/** How `numeric` is written: text, or Debezium's `precise`: the bytes of the unscaled number in base64. */
export type DecimalMode = 'string' | 'precise';

/** Writes values of the server as JSON, exactly, in Debezium's forms. */
export class PgTypes {
  readonly #types: ReadonlyMap<number, PgType>;
  readonly #decimals: DecimalMode;

  constructor(types: Iterable<PgType>, decimals: DecimalMode = 'string') {
    this.#types = new Map(Array.from(types, (type) => [type.oid, type]));
    this.#decimals = decimals;
  }

  has(oid: number): boolean {
    return this.#types.has(oid);
  }

  /** JSON of `text`, as the server writes it in UTC with ISO dates. Types that are not known stay text. */
  encode(text: string, oid: number, modifier: number): string {
    const type = this.#types.get(oid);
    if (type === undefined) return JSON.stringify(text);
    if (type.base !== 0) return this.encode(text, type.base, type.baseModifier);
    if (type.element !== 0) {
      return this.#array(parseArray(text, type.delimiter), type.element, modifier);
    }
    return this.#scalar(text, type.name, modifier);
  }

  #array(items: readonly ArrayItem[], element: number, modifier: number): string {
    const parts = items.map((item) => {
      if (item === null) return 'null';
      return typeof item === 'string'
        ? this.encode(item, element, modifier)
        : this.#array(item, element, modifier);
    });
    return `[${parts.join(',')}]`;
  }

  #scalar(text: string, name: string, modifier: number): string {
    switch (name) {
      case 'int2':
      case 'int4':
      case 'int8':
      case 'oid':
        return text;
      case 'bool':
        return text === 't' ? 'true' : 'false';
      case 'float4':
      case 'float8':
        return /^-?\d/.test(text) ? text : JSON.stringify(text);
      case 'numeric':
        return this.#decimals === 'string' ? JSON.stringify(text) : preciseDecimal(text, modifier);
      case 'bytea':
        return JSON.stringify(base64OfHex(text));
      case 'date':
      case 'time':
      case 'timestamp':
      case 'timestamptz':
      case 'timetz':
      case 'interval':
        return timeJson(text, name, modifier);
      default:
        return JSON.stringify(text);
    }
  }
}

function timeJson(text: string, name: string, modifier: number): string {
  if (text.endsWith('infinity')) return JSON.stringify(text);
  const isMs = modifier >= 0 && modifier <= 3;
  const scaled = (us: bigint): string => String(isMs ? us / 1000n : us);
  switch (name) {
    case 'date':
      return String(daysOf(text));
    case 'time':
      return scaled(clockUs(text));
    case 'timestamp':
      return scaled(timestampUs(text));
    case 'timestamptz':
      return JSON.stringify(instantText(text));
    case 'interval':
      return String(intervalUs(text));
    default:
      return JSON.stringify(text);
  }
}

function base64OfHex(text: string): string {
  if (!text.startsWith('\\x')) throw sourcesError('SOURCES_BAD_VALUE', { details: { type: 'bytea' } });
  return base64Of(text.slice(2));
}

function base64Of(hex: string): string {
  let binary = '';
  for (let at = 0; at < hex.length; at += 2) {
    binary += String.fromCharCode(Number.parseInt(hex.slice(at, at + 2), 16));
  }
  return btoa(binary);
}

/** With a declared scale its bytes alone, else with the scale; `NaN` and infinities as their names. */
function preciseDecimal(text: string, modifier: number): string {
  if (!/^-?\d/.test(text)) return JSON.stringify(text);
  const [whole = '', fraction = ''] = text.split('.');
  if (modifier >= 4) return JSON.stringify(base64Of(twosComplement(BigInt(whole + fraction))));
  const digits = fraction.replace(/0+$/, '');
  const value = base64Of(twosComplement(BigInt(whole + digits)));
  return `{"scale":${digits.length},"value":${JSON.stringify(value)}}`;
}

/** Hex of the fewest big-endian bytes that hold the number with its sign. */
function twosComplement(value: bigint): string {
  let bytes = 1;
  while (BigInt.asIntN(bytes * 8, value) !== value) bytes++;
  return BigInt.asUintN(bytes * 8, value)
    .toString(16)
    .padStart(bytes * 2, '0');
}
