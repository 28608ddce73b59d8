import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathOf, routeOf, type Route } from './router.ts';

test('every route has an address that leads back to it', () => {
  const routes: Route[] = [
    { page: 'dashboard', name: undefined },
    { page: 'dashboard', name: 'a b/c' },
    { page: 'explore' },
    { page: 'alerts' },
    { page: 'pipeline' },
  ];
  for (const route of routes) assert.deepEqual(routeOf(pathOf(route)), route);
  assert.deepEqual(routeOf('/nowhere'), { page: 'unknown' });
  assert.deepEqual(routeOf('/dashboards'), { page: 'unknown' });
});
