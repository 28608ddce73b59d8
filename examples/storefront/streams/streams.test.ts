import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@millrace/core/base';
import { TopologyTestDriver, type Topology } from 'millrace';
import { paymentFailed, purchase } from '../events/order.ts';
import { pagePing } from '../events/page-ping.ts';
import { addToCart, productView } from '../events/product.ts';
import { pageView } from '../events/visit.ts';
import { Incidents, DEFAULT_PLAN } from '../simulator/incidents.ts';
import { Shop, type ShopEvent } from '../simulator/shop.ts';
import { activity, sales } from './activity.ts';
import { pageEnrichment, viewEnrichment } from './enrichment.ts';
import { fraud, type FraudAlert } from './fraud.ts';

const visit = { user_id: 'ann', session_id: 's' };
const kettle = { ...visit, product_id: 'kettle', category: 'kitchen', price: 40 };
const order = { ...visit, order_id: 'o', amount: 100, country: 'DE' };
const paid = { ...order, currency: 'EUR', product_id: 'kettle', category: 'kitchen', quantity: 2 };
const refused = { ...order, reason: 'card_declined' };

function countsOf(topology: Topology, store: string, pipe: (driver: TopologyTestDriver) => void) {
  const driver = new TopologyTestDriver(topology);
  pipe(driver);
  return driver.stores.read(store, {}).map(({ key, windowStartMs, value }) => [key, windowStartMs, value]);
}

test('activity: events by type and minute, keyed and unkeyed ones, late ones too', () => {
  const rows = countsOf(activity, 'activity-by-type', (driver) => {
    const views = driver.createEventInput(pageView);
    for (const timeMs of [0, 59_999, 60_000, 7_200_000, 30_000]) {
      views.pipe({ ...visit, page: '/', event_timestamp: timeMs });
    }
    driver.createEventInput(pagePing).pipe({ page: '/', load_ms: 5, event_timestamp: 61_000 });
  });
  assert.deepEqual(rows, [
    ['page_view', 7_200_000, 1],
    ['page_ping', 60_000, 1],
    ['page_view', 60_000, 1],
    ['page_view', 0, 3],
  ]);
});

test('activity: the last minutes by the second', () => {
  const rows = countsOf(activity, 'events-per-second', (driver) => {
    const views = driver.createEventInput(pageView);
    for (const timeMs of [0, 700_000, 700_999, 701_000]) {
      views.pipe({ ...visit, page: '/', event_timestamp: timeMs });
    }
  });
  assert.deepEqual(rows, [
    ['page_view', 701_000, 1],
    ['page_view', 700_000, 2],
  ]);
});

test('sales by product and minute', () => {
  const rows = countsOf(sales, 'sales-by-product', (driver) => {
    const orders = driver.createEventInput(purchase);
    for (const timeMs of [1, 2]) orders.pipe({ ...paid, event_timestamp: timeMs });
  });
  assert.deepEqual(rows, [['kettle', 0, { orders: 2, quantity: 4, revenue: 200 }]]);
});

function alertsOf(pipe: (driver: TopologyTestDriver) => void): FraudAlert[] {
  const driver = new TopologyTestDriver(fraud);
  pipe(driver);
  const alerts = driver.createOutputTopic<string, FraudAlert>('fraud_alerts').readValues() as FraudAlert[];
  assert.deepEqual(driver.readDeadLetters(), []);
  return alerts;
}

test('fraud: three refused payments within a minute, one alert', () => {
  const at = (...timesMs: number[]) =>
    alertsOf((driver) => {
      const failures = driver.createEventInput(paymentFailed);
      for (const timeMs of timesMs) failures.pipe({ ...refused, event_timestamp: timeMs });
    });
  assert.deepEqual(at(0, 1000), []);
  assert.deepEqual(at(0, 1000, 59_999), [
    { user_id: 'ann', rule: 'failed payments', at: 59_999, amount: 300, payments: 3 },
  ]);
  assert.deepEqual(at(0, 1000, 60_000), [], 'the first one is too long ago');
  assert.equal(at(0, 59_000, 1000).length, 1, 'out of order');
  assert.equal(at(0, 1000, 2000, 3000, 4000).length, 1, 'one alert a minute');
  assert.equal(at(0, 1000, 2000, 100_000, 101_000, 102_000).length, 2, 'and another one later');
});

test('fraud: purchases in two countries, or of too much money, within a minute', () => {
  const at = (...orders: (readonly [timeMs: number, country: string, amount: number])[]) =>
    alertsOf((driver) => {
      const purchases = driver.createEventInput(purchase);
      for (const [timeMs, country, amount] of orders) {
        purchases.pipe({ ...paid, country, amount, event_timestamp: timeMs });
      }
    }).map(({ rule, amount }) => [rule, amount]);
  assert.deepEqual(at([0, 'DE', 10], [5000, 'US', 20]), [['two countries', 30]]);
  assert.deepEqual(at([0, 'DE', 10], [60_000, 'US', 20]), []);
  assert.deepEqual(at([0, 'DE', 2500], [1, 'DE', 2500]), []);
  assert.deepEqual(at([0, 'DE', 2500], [1, 'DE', 2501]), [['high spend', 5001]]);
});

test('fraud: the page has the recent alerts; old ones and old payments are forgotten', () => {
  const driver = new TopologyTestDriver(fraud);
  const failures = driver.createEventInput(paymentFailed);
  for (const timeMs of [0, 1, 2]) failures.pipe({ ...refused, event_timestamp: timeMs });
  const [row] = driver.stores.read('fraud-alerts', {});
  assert.deepEqual(row, {
    key: 'ann failed payments',
    value: { user_id: 'ann', rule: 'failed payments', at: 2, amount: 300, payments: 3 },
  });
  failures.pipe({ ...refused, user_id: 'bob', event_timestamp: 120_000 });
  assert.deepEqual(
    driver.stores.read('fraud-payments', {}).map(({ key }) => key),
    ['bob'],
  );
  failures.pipe({ ...refused, user_id: 'bob', event_timestamp: 25 * 3_600_000 });
  assert.deepEqual(driver.stores.read('fraud-alerts', {}), []);
});

test('fraud: the planted burst is found among an hour of shoppers, and hardly anything else', () => {
  const startMs = Date.UTC(2026, 0, 5, 12);
  const shop = new Shop({ random: seededRandom(7), idPrefix: 'test', startMs, eventsPerSecond: () => 20 });
  const burst = new Incidents(DEFAULT_PLAN).fraud(DEFAULT_PLAN.fraudAtS, startMs + 1_800_000);
  const events = [...shop.until(startMs + 3_600_000), ...burst].toSorted((one, other) =>
    one.event_timestamp < other.event_timestamp ? -1 : 1,
  );
  const alerts = alertsOf((driver) => {
    const topic = driver.createInputTopic<string, ShopEvent>('events');
    for (const event of events) if ('user_id' in event) topic.pipe(String(event['user_id']), event);
  });
  const found = alerts.map(({ user_id, rule }) => `${user_id}: ${rule}`);
  assert.ok(found.includes('u-mallory: failed payments'), found.join());
  assert.ok(found.includes('u-trudy: two countries'), found.join());
  assert.ok(found.length <= 3, found.join());
});

test('page loads wait for the work that a ping asks for, five seconds at most', async () => {
  const driver = new TopologyTestDriver(pageEnrichment);
  const pings = driver.createEventInput(pagePing);
  const loads = driver.createOutputTopic('page_loads');
  pings.pipe({ page: '/', load_ms: 501 });
  assert.deepEqual(loads.readValues(), [{ page: '/', load_ms: 501, verdict: 'slow' }]);
  const done = pings.pipeAsync({ page: '/a', load_ms: 5, demo: { workMs: 150 } });
  driver.advanceWallClock(149);
  await new Promise(setImmediate);
  assert.equal(loads.isEmpty, true);
  driver.advanceWallClock(1);
  await done;
  assert.deepEqual(loads.readValues(), [{ page: '/a', load_ms: 5, verdict: 'fast' }]);
});

test('product views carry the interest in the product so far', () => {
  const driver = new TopologyTestDriver(viewEnrichment);
  const views = driver.createEventInput(productView);
  views.pipe(kettle);
  driver.createEventInput(addToCart).pipe({ ...kettle, quantity: 1 });
  driver.createEventInput(purchase).pipe(paid);
  views.pipe(kettle);
  assert.deepEqual(driver.createOutputTopic('enriched_views').readKeyValues(), [
    ['kettle', { user_id: 'ann', product_id: 'kettle', category: 'kitchen', price: 40, interest: 0 }],
    ['kettle', { user_id: 'ann', product_id: 'kettle', category: 'kitchen', price: 40, interest: 2 }],
  ]);
});
