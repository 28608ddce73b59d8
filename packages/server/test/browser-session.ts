import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { chromiumCommand } from '@millrace/testkit/engines';
import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from 'playwright-core';

const launchArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const located = chromiumCommand();

/** Why tests in a browser cannot run here; false when they can. */
export const withoutBrowser: string | false = 'absent' in located ? located.absent : false;

/** A Chromium whose pages fail the test with their first error, or their first request to another address. */
export class BrowserSession {
  readonly #browser: Browser;
  readonly #url: () => string;

  private constructor(browser: Browser, url: () => string) {
    this.#browser = browser;
    this.#url = url;
  }

  static async start(url: () => string): Promise<BrowserSession> {
    assert.ok('path' in located);
    return new BrowserSession(
      await chromium.launch({ executablePath: located.path, args: launchArguments }),
      url,
    );
  }

  async open(t: TestContext, path = '/', options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    t.after(() => context.close());
    return this.openTab(context, path);
  }

  async openTab(context: BrowserContext, path: string): Promise<Page> {
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on('pageerror', (error) => assert.fail(error));
    page.on('request', (request) => {
      assert.ok(request.url().startsWith(this.#url()), `the page asked for ${request.url()}`);
    });
    page.on('console', (message) => {
      assert.ok(!message.text().includes('Content Security Policy'), message.text());
    });
    await page.goto(this.#url() + path);
    return page;
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

/** The tile of this title. */
export const tile = (page: Page, title: string) => page.getByRole('region', { name: title, exact: true });

/** Resolves when the tile says this. */
export function said(page: Page, title: string, wanted: string | RegExp): Promise<void> {
  return tile(page, title).getByText(wanted).first().waitFor();
}
