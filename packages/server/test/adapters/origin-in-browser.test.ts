/**
 * What pages can do to a server on the same machine, in a real browser. The four cases: a page of another origin, a name that
 * was rebound to this address, a program without Origin, a page of this very origin.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CLIENT_PATH, CLIENT_SUBPROTOCOL } from '@kvorum/common';
import type { Browser, Page } from 'puppeteer-core';
import { launch } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { CHROMIUM, describePage } from '../../../../simulations/test/report/chromium.ts';
import type { WebServer } from '../../src/adapters/http/web-server.ts';
import { listen } from '../../src/adapters/http/web-server.ts';
import type { FakeNode } from './web-handlers.ts';
import { fakeNode } from './web-handlers.ts';

const START_MS_MAX = 30_000;

describePage('pages in a browser', () => {
  let browser: Browser;
  let node: FakeNode;
  let web: WebServer;
  let page: Page;
  /** What the browser wrote to the console; among it why a websocket was refused. */
  let console_: string[];

  beforeAll(async () => {
    const args = ['--no-sandbox', '--host-resolver-rules=MAP evil.example 127.0.0.1'];
    browser = await launch({ executablePath: CHROMIUM, args });
  }, START_MS_MAX);
  afterAll(() => browser.close());

  beforeEach(async () => {
    node = fakeNode();
    web = await listen({ host: '127.0.0.1', port: 0 }, node);
    page = await browser.newPage();
    console_ = [];
    page.on('console', (message) => console_.push(message.text()));
  });
  afterEach(async () => {
    await page.close();
    web.close();
  });

  /** Opens a websocket from the page: "open", or why not. */
  async function dial(host: string): Promise<string> {
    const url = `ws://${host}:${web.address.port}${CLIENT_PATH}`;
    const opened = await page.evaluate(`new Promise((done) => {
      const socket = new WebSocket(${JSON.stringify(url)}, ${JSON.stringify(CLIENT_SUBPROTOCOL)});
      socket.onopen = () => done(true);
      socket.onerror = () => done(false);
    })`);
    return opened === true ? 'open' : (console_.find((line) => line.includes('WebSocket')) ?? 'refused');
  }

  /** An empty page of another origin. */
  async function foreignPage(host: string): Promise<void> {
    const foreign = createServer((_request, response) =>
      response.setHeader('content-type', 'text/html').end('<p>hello'),
    );
    await new Promise<void>((resolve) => foreign.listen(0, host, resolve));
    await page.goto(`http://${host}:${(foreign.address() as AddressInfo).port}/`);
    foreign.close();
  }

  it.each(['127.0.0.2', '127.0.0.1'])('a page of another origin, at %s, is refused the upgrade', async (host) => {
    await foreignPage(host);
    expect(await dial('127.0.0.1')).toContain('403');
    expect(node.clients).toEqual([]);
  });

  it('a page of localhost is not one of 127.0.0.1', async () => {
    await page.goto(`http://localhost:${web.address.port}/status`);
    expect(await dial('127.0.0.1')).toContain('403');
    expect(node.clients).toEqual([]);
  });

  it('a page of another origin cannot act by a request either', async () => {
    const seen: (number | undefined)[] = [];
    page.on('response', (response) => seen.push(response.status()));
    await foreignPage('127.0.0.2');
    const url = `http://127.0.0.1:${web.address.port}/status`;
    await page.evaluate(`fetch(${JSON.stringify(url)}, { method: 'POST', mode: 'no-cors' }).catch(() => undefined)`);
    expect(seen).toContain(403);
  });

  it('a name that was rebound to this address is refused pages and upgrade', async () => {
    const { port } = web.address;
    const answer = await page.goto(`http://evil.example:${port}/status`);
    expect(answer?.status()).toBe(421);
    expect(await answer?.text()).toContain('does not go by the name evil.example');
    // The page's origin and the Host agree: only the name gives it away.
    expect(await page.evaluate('location.origin')).toBe(`http://evil.example:${port}`);
    console_.length = 0;
    expect(await dial('evil.example')).toContain('421');
    expect(node.clients).toEqual([]);
  });

  it('a page of this origin is let in', async () => {
    await page.goto(`http://127.0.0.1:${web.address.port}/status`);
    expect(await dial('127.0.0.1')).toBe('open');
    expect(node.clients.length).toBe(1);
  });

  it('a program without Origin is let in', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${web.address.port}${CLIENT_PATH}`, CLIENT_SUBPROTOCOL);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    expect(node.clients.length).toBe(1);
    socket.terminate();
  });
});
