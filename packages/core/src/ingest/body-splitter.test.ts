import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bodyFormatOf, splitBody } from './body-splitter.ts';

function piecesOf(text: string, format: 'json' | 'lines'): string[] | undefined {
  const body = Buffer.from(text);
  const bounds = splitBody(body, format);
  return bounds?.starts.map((start, i) => body.toString('utf8', start, bounds.ends[i]));
}

/** What the splitter promises together with JSON.parse of each piece. */
function parsePieces(text: string): unknown[] | undefined {
  try {
    return piecesOf(text, 'json')?.map((piece) => JSON.parse(piece) as unknown);
  } catch {
    return undefined;
  }
}

function parseWhole(text: string): unknown[] | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return Array.isArray(value) ? value : [value];
  } catch {
    return undefined;
  }
}

const json = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' });
const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

test('the pieces of an array are its elements, whatever they hold', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(json, space, space)), space, (elements, around) => {
      const written = elements.map(
        ([value, before, after]) => `${before}${JSON.stringify(value, null, before.length)}${after}`,
      );
      const text = `${around}[${around}${written.join(',')}${around}]${around}`;
      assert.deepEqual(parsePieces(text), parseWhole(text));
    }),
    { numRuns: 2000 },
  );
});

test('broken texts are taken and refused exactly as JSON.parse does', () => {
  const token = fc.constantFrom(
    '[',
    ']',
    '{',
    '}',
    ',',
    ':',
    '"',
    '\\',
    '"a"',
    '1',
    'true',
    ' ',
    '\n',
    '"\\""',
    '{"a":[]}',
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
      const text = `[${tokens.join('')}]`;
      assert.deepEqual(parsePieces(text), parseWhole(text), text);
    }),
    { numRuns: 20_000 },
  );
});

test('a text that is cut or changed anywhere is taken and refused exactly as JSON.parse does', () => {
  fc.assert(
    fc.property(fc.array(json, { minLength: 1 }), fc.nat(), fc.nat(127), (elements, at, code) => {
      const whole = JSON.stringify(elements);
      const position = at % whole.length;
      const cut = whole.slice(0, position);
      const changed = whole.slice(0, position) + String.fromCharCode(code) + whole.slice(position + 1);
      // Changing half of a surrogate pair leaves what UTF-8 cannot hold; it arrives as a replacement
      // character.
      for (const text of [cut, changed].map((each) => each.toWellFormed())) {
        // An empty text has no events, which is no JSON either.
        if (text.trim() !== '') assert.deepEqual(parsePieces(text), parseWhole(text), text);
      }
    }),
    { numRuns: 5000 },
  );
});

test('lines are trimmed, blank ones are skipped', () => {
  assert.deepEqual(piecesOf('{"a":1}\r\n\n  \t\n [2] \n"x"', 'lines'), ['{"a":1}', '[2]', '"x"']);
  assert.deepEqual(piecesOf('', 'lines'), []);
  assert.deepEqual(piecesOf('\n\r\n ', 'lines'), []);
});

test('lines may hold any JSON', () => {
  fc.assert(
    fc.property(fc.array(json), fc.boolean(), (values, endsWithLine) => {
      const text = values.map((value) => JSON.stringify(value)).join('\n') + (endsWithLine ? '\n' : '');
      assert.deepEqual(
        piecesOf(text, 'lines')!.map((piece) => JSON.parse(piece) as unknown),
        values.map((value) => JSON.parse(JSON.stringify(value)) as unknown),
      );
    }),
  );
});

test('a byte order mark is not part of the first event', () => {
  assert.deepEqual(piecesOf('\ufeff{"a":1}', 'json'), ['{"a":1}']);
  assert.deepEqual(piecesOf('\ufeff[1,2]', 'json'), ['1', '2']);
  assert.deepEqual(piecesOf('\ufeff1\n2', 'lines'), ['1', '2']);
});

test('one document is one piece', () => {
  assert.deepEqual(piecesOf(' {"a":[1,2]}\n', 'json'), ['{"a":[1,2]}']);
  assert.deepEqual(piecesOf('[]', 'json'), []);
  assert.deepEqual(piecesOf('  ', 'json'), []);
});

test('content types', () => {
  assert.equal(bodyFormatOf('application/json'), 'json');
  assert.equal(bodyFormatOf('Application/JSON; charset=UTF-8'), 'json');
  assert.equal(bodyFormatOf('application/x-ndjson;charset="utf-8"'), 'lines');
  assert.equal(bodyFormatOf('application/jsonl'), 'lines');
  for (const other of [
    undefined,
    '',
    'text/plain',
    'application/json; charset=latin1',
    'multipart/form-data',
    'constructor',
  ]) {
    assert.equal(bodyFormatOf(other), undefined);
  }
});
