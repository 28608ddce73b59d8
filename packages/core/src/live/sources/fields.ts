import { fail } from '../errors.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Throws `LIVE_QUERY_INVALID` for a field that the source does not know, so that a misspelt one is not
 * ignored.
 */
export function onlyFields(query: Fields, allowed: readonly string[]): void {
  for (const name of Object.keys(query)) {
    if (name === 'source' || allowed.includes(name)) continue;
    throw invalid(
      query,
      `has no field \`${name}\`; it may have ${allowed.map((field) => `\`${field}\``).join(', ')}`,
    );
  }
}

export function invalid(query: Fields, problem: string): Error {
  return fail('LIVE_QUERY_INVALID', { message: `A ${String(query['source'])} query ${problem}.` });
}

export function textField(query: Fields, name: string): string {
  const value = query[name];
  if (typeof value === 'string' && value !== '' && value.length <= 256) return value;
  throw invalid(query, `needs \`${name}\` as a text`);
}

export function optionalText(query: Fields, name: string): string | undefined {
  return query[name] === undefined ? undefined : textField(query, name);
}

/** Throws unless the field is absent or a whole number of at least 1 and at most `max`. */
export function optionalCount(query: Fields, name: string, max: number): number | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= max) return value;
  throw invalid(query, `needs \`${name}\` as a whole number from 1 to ${max}`);
}

export function textList(query: Fields, name: string): readonly string[] {
  const value = query[name];
  const list = typeof value === 'string' ? [value] : value;
  if (
    Array.isArray(list) &&
    list.length > 0 &&
    list.length <= 50 &&
    list.every((item) => typeof item === 'string')
  ) {
    return list;
  }
  throw invalid(query, `needs \`${name}\` as a list of texts`);
}
