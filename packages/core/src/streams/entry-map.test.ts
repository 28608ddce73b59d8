import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../base/index.ts';
import { EntryMap } from './entry-map.ts';
import { StateEntry, type StoreKey } from './state-entry.ts';

test('behaves as a Map, small and spread, for ids of all kinds', () => {
  const random = seededRandom(5);
  const map = new EntryMap();
  const model = new Map<StoreKey, StateEntry>();
  const idOf = (n: number): StoreKey => {
    if (n % 5 === 0) return n;
    if (n % 7 === 0) return BigInt(n);
    return n % 11 === 0 ? n % 2 === 0 : n.toString(36);
  };
  for (let i = 0; i < 200_000; i++) {
    const id = idOf(Math.floor(random.next() * 80_000));
    if (random.next() < 0.2) {
      map.delete(id);
      model.delete(id);
    } else if (!model.has(id)) {
      const entry = new StateEntry(id, id, 0);
      map.add(entry);
      model.set(id, entry);
    }
    assert.equal(map.get(id), model.get(id));
  }
  assert.ok(map.size > 32_768);
  assert.equal(map.size, model.size);
  assert.deepEqual(new Set(map.values()), new Set(model.values()));
  map.clear();
  assert.equal([...map.values()].length + map.size, 0);
});

test('short and empty texts have their place', () => {
  const map = new EntryMap();
  for (let i = 0; i < 40_000; i++) map.add(new StateEntry(`id ${i}`, null, 0));
  for (const id of ['', 'a', '€', -1, NaN]) map.add(new StateEntry(id, null, 0));
  for (const id of ['', 'a', '€', -1, NaN]) assert.equal(map.get(id)?.id, id);
});
