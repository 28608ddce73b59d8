import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BrowserSession, said, tile, withoutBrowser } from './browser-session.ts';
import { PageHarness } from './page-harness.ts';

const dashboard = (title: string) => `
title: ${title}
tiles:
  - title: Rate
    kind: series
    shape: area
    lastMs: 60000
    query: { source: system, figures: [events_per_second], lastMs: 60000 }
  - title: Orders
    kind: number
    query: { source: metrics, measures: [orders.count] }
  - title: Fraud
    kind: table
    empty: No suspicion
    columns: [{ column: at, format: age }, user]
    query: { source: stream, store: fraud, select: { at: value.at, user: value.user }, order: { at: desc } }
  - title: Products
    kind: bar
    query: { source: metrics, measures: [orders.count], dimensions: [orders.product] }
`;

describe('the page', { skip: withoutBrowser }, () => {
  let session: BrowserSession;
  let harness: PageHarness;

  before(async () => {
    harness = await PageHarness.start();
    await harness.writeDashboard(dashboard('Shop'));
    await harness.up();
    session = await BrowserSession.start(() => harness.url);
  });
  after(async () => {
    await session?.close();
    await harness?.end();
  });

  test('moves by itself', async (t) => {
    const page = await session.open(t);
    const number = tile(page, 'Rate').locator('.big-number');
    const first = await number.textContent();
    await page.waitForFunction(
      (before) => document.querySelector('.tile-series .big-number')?.textContent !== before,
      first,
    );
    await page.getByText('Live', { exact: true }).waitFor();
    const isDrawn = await tile(page, 'Rate')
      .locator('canvas')
      .evaluate((canvas: HTMLCanvasElement) => {
        const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data;
        return pixels?.some((value) => value > 0) ?? false;
      });
    assert.ok(isDrawn, 'the chart has drawn something');
  });

  test('shows a change of the data at once, and says how fresh it is', async (t) => {
    const page = await session.open(t);
    await said(page, 'Orders', '300');
    harness.metrics.setOrders(400);
    await said(page, 'Orders', '1,200');
    await said(page, 'Orders', /\d\.\d s ago$/);
    await said(page, 'Fraud', 'No suspicion');
    harness.addFraud('u-1');
    await said(page, 'Fraud', 'u-1');
    harness.addFraud('u-2');
    await said(page, 'Fraud', 'u-2');
    const users = await tile(page, 'Fraud').locator('tbody td:last-child').allTextContents();
    assert.deepEqual(users, ['u-2', 'u-1'], 'newest first');
  });

  test('survives a restart of the server', async (t) => {
    const page = await session.open(t);
    harness.metrics.setOrders(100);
    await said(page, 'Orders', '300');
    await harness.down();
    await page.getByText(/^Reconnecting/).waitFor();
    await said(page, 'Orders', /old$/);
    await said(page, 'Orders', '300');
    harness.metrics.orders = 500;
    await harness.up();
    await said(page, 'Orders', '1,500');
    await page.getByText('Live', { exact: true }).waitFor();
  });

  test('a saved dashboard is on the page within two seconds, a broken one keeps the last good one', async (t) => {
    const page = await session.open(t);
    const heading = (name: string) => page.getByRole('heading', { level: 1, name });
    await heading('Shop').waitFor();
    await harness.writeDashboard(dashboard('Better shop'));
    await heading('Better shop').waitFor({ timeout: 2_000 });
    await harness.writeDashboard('title: Better shop\ntiles:\n  - title: A\n    kind: nmber\n');
    const problem = page.getByRole('alert');
    await problem.waitFor({ timeout: 2_000 });
    assert.match((await problem.textContent()) ?? '', /dashboards\/shop\.yml:4:11.*use number/);
    await tile(page, 'Orders').waitFor();
    await harness.writeDashboard(dashboard('Shop'));
    await heading('Shop').waitFor({ timeout: 2_000 });
    await problem.waitFor({ state: 'detached' });
  });

  test('can be used with the keyboard alone', async (t) => {
    const page = await session.open(t);
    await tile(page, 'Rate').locator('canvas').waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'Skip to the content');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
    const chart = tile(page, 'Rate').getByRole('img');
    for (let i = 0; i < 20 && !(await chart.evaluate((element) => element === document.activeElement)); i++) {
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('ArrowLeft');
    await chart.locator('.chart-tip').waitFor();
    await page.keyboard.press('Escape');
    await chart.locator('.chart-tip').waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Pipeline' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Pipeline' }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'Shop' }).waitFor();
  });

  test('can be held still, and goes on with what is true then', async (t) => {
    const page = await session.open(t);
    harness.metrics.setOrders(100);
    await said(page, 'Orders', '300');
    const hold = page.getByRole('button', { name: 'Hold the page still' });
    await hold.press('Space');
    await page.getByText('Paused', { exact: true }).waitFor();
    harness.metrics.setOrders(200);
    const other = await session.openTab(page.context(), '/');
    await said(other, 'Orders', '600');
    await said(page, 'Orders', '300');
    await hold.press('Space');
    await said(page, 'Orders', '600');
  });

  test('all tabs of a browser share one connection', async (t) => {
    const page = await session.open(t);
    await tile(page, 'Rate').locator('canvas').waitFor();
    const tabs = await Promise.all([1, 2, 3].map(() => session.openTab(page.context(), '/')));
    for (const tab of tabs) await tile(tab, 'Rate').locator('canvas').waitFor();
    assert.equal(harness.viewers, 1);
  });

  test('works where there is no shared worker', async (t) => {
    const page = await session.open(t, '/nothing');
    await page.addInitScript(() => Reflect.deleteProperty(globalThis, 'SharedWorker'));
    await page.goto(`${harness.url}/`);
    harness.metrics.setOrders(300);
    await said(page, 'Orders', '900');
    const other = await session.openTab(page.context(), '/');
    await said(other, 'Orders', '900');
    assert.equal(harness.viewers, 2);
  });

  test('a part that starts later says so, and one that fails says what to do', async (t) => {
    harness.metrics.become({ status: 'starting' });
    const page = await session.open(t);
    await said(page, 'Orders', 'Starting');
    await tile(page, 'Rate').locator('canvas').waitFor();
    harness.metrics.become({ status: 'failed', reason: 'The model orders.yml does not compile.' });
    await said(page, 'Orders', 'The model orders.yml does not compile.');
    harness.metrics.become({ status: 'ready' });
    await said(page, 'Orders', '900');
  });

  test('an alert that fires is seen on every page, and heard', async (t) => {
    const page = await session.open(t, '/explore');
    const { alerts } = harness.alerts;
    harness.setAlerts({
      alerts: alerts.map((alert) => ({ ...alert, phase: 'firing', value: 3 })),
      history: [
        {
          timeMs: Date.now(),
          alert: 'low-throughput',
          type: 'action',
          text: 'shoppers is silent.',
          applied: false,
        },
      ],
    });
    await page.getByRole('status').getByText('Firing: Low throughput').waitFor({ state: 'attached' });
    await page.getByRole('link', { name: /Alerts\s*1/ }).click();
    await tile(page, 'Low throughput').getByText('Firing').waitFor();
    await page.getByText('shoppers is silent.').first().waitFor();
    harness.setAlerts({ alerts, history: [] });
  });

  test('explores one metric, sliced, and keeps the choice in the address', async (t) => {
    const page = await session.open(t, '/explore');
    await said(page, 'Count', '900');
    await page.getByLabel('Slice by').selectOption('orders.product');
    await said(page, 'Count by Product', 'lamp');
    assert.match(page.url(), /by=orders\.product/);
    await page.reload();
    await said(page, 'Count by Product', 'lamp');
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`fits a narrow screen, ${colorScheme}`, async (t) => {
      const page = await session.open(t, '/', { viewport: { width: 390, height: 844 }, colorScheme });
      for (const path of ['/', '/explore', '/alerts', '/pipeline']) {
        await page.goto(harness.url + path);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await page.getByText('Live', { exact: true }).waitFor();
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(over <= 0, `${path} is ${over} pixels too wide`);
      }
    });
  }

  test('nothing moves by style when less motion is asked for', async (t) => {
    const page = await session.open(t, '/', { reducedMotion: 'reduce' });
    await tile(page, 'Products').locator('.bar-fill').first().waitFor();
    const moving = await page.evaluate(
      () =>
        [...document.querySelectorAll('*')].filter((element) => {
          const { animationName, transitionDuration } = getComputedStyle(element);
          return animationName !== 'none' || transitionDuration !== '0s';
        }).length,
    );
    assert.equal(moving, 0);
  });
});
