/** Report pages in a headless Chromium: the one of the system, because nothing here downloads a browser. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'puppeteer-core';
import { launch } from 'puppeteer-core';
import { describe } from 'vitest';

export const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Tests in a browser: without one they are skipped, and say so, on a developer's machine, and fail in CI. */
export function describePage(name: string, tests: () => void): void {
  if (existsSync(CHROMIUM) || process.env['CI'] === 'true') {
    describe(name, tests);
    return;
  }
  process.stderr.write(`${name}: NOT TESTED, no browser at ${CHROMIUM} (apt-get install chromium, or set CHROMIUM)\n`);
  describe.skip(name, tests);
}

/** A time by which a page must have done what a test waits for; a bound on hanging, not a measurement. */
const DEADLINE_MS = 20_000;

export interface Figures {
  readonly messages: number;
  readonly shown: number;
  readonly arrows: number;
  readonly bars: number;
}

export interface Shown {
  readonly fromUs: number;
  readonly toUs: number;
}

export class ReportBrowser {
  readonly #browser: Browser;
  readonly #folder = mkdtempSync(join(tmpdir(), 'kvorum-report-'));
  #files = 0;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<ReportBrowser> {
    return new ReportBrowser(await launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] }));
  }

  async open(html: string, width = 1280): Promise<ReportPage> {
    this.#files += 1;
    const file = join(this.#folder, `${this.#files}.html`);
    writeFileSync(file, html);
    const page = await this.#browser.newPage();
    await page.setViewport({ width, height: 900 });
    const report = new ReportPage(page);
    await report.load(pathToFileURL(file).href);
    return report;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#folder, { recursive: true });
  }
}

/** The page, in the browser that the suite has launched. */
export function open(browser: ReportBrowser | undefined, html: string, width?: number): Promise<ReportPage> {
  if (browser === undefined) throw new Error('the browser did not start');
  return browser.open(html, width);
}

export class ReportPage {
  readonly page: Page;
  /** Whatever the console said, and errors nobody caught. */
  readonly complaints: string[] = [];
  /** What it asked for besides its own file. */
  readonly requests: string[] = [];
  loadMs = 0;

  constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(DEADLINE_MS);
    page.on('console', (message) => this.complaints.push(message.text()));
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('dialog', (dialog) => {
      this.complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }

  async load(url: string): Promise<void> {
    this.page.on('request', (request) => {
      if (request.url() !== url && !request.url().startsWith('data:')) this.requests.push(request.url());
    });
    await this.page.evaluateOnNewDocument(OBSERVE);
    const startedMs = performance.now();
    await this.page.goto(url);
    await this.page.waitForFunction('window.kvorumReport !== undefined && kvorumReport.figures().messages >= 0');
    await this.drawn();
    this.loadMs = performance.now() - startedMs;
  }

  /** In the page; the expression's value comes back as JSON. */
  async ask<Answer>(expression: string): Promise<Answer> {
    return (await this.page.evaluate(expression)) as Answer;
  }

  figures(): Promise<Figures> {
    return this.ask('kvorumReport.figures()');
  }

  shown(): Promise<Shown> {
    return this.ask('kvorumReport.window()');
  }

  async show({ fromUs, toUs }: Shown): Promise<void> {
    await this.ask(`kvorumReport.show(${fromUs}, ${toUs})`);
    await this.drawn();
  }

  text(selector: string): Promise<string> {
    return this.ask(`document.querySelector(${JSON.stringify(selector)}).textContent`);
  }

  /** Two frames later whatever was asked for is on the screen. */
  async drawn(): Promise<void> {
    await this.ask('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))');
  }

  /** Stands for the picture: equal if and only if it is, for all a test cares. */
  picture(canvas: string): Promise<string> {
    return this.ask(`document.getElementById('${canvas}').toDataURL()`);
  }

  /** Where on the canvas, in CSS pixels, there is a pixel of this colour with such pixels around it. */
  find(canvas: string, color: readonly [number, number, number]): Promise<{ x: number; y: number } | null> {
    return this.ask(`(() => {
      const canvas = document.getElementById('${canvas}');
      const { width, height } = canvas;
      const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
      const is = (x, y) => {
        const at = 4 * (y * width + x);
        return data[at] === ${color[0]} && data[at + 1] === ${color[1]} && data[at + 2] === ${color[2]};
      };
      for (let y = 2; y < height - 2; y += 1) {
        for (let x = 112; x < width - 2; x += 1) {
          if (is(x, y) && is(x, y + 1) && is(x, y - 1)) return { x: x / devicePixelRatio, y: y / devicePixelRatio };
        }
      }
      return null;
    })()`);
  }

  async pointAt(canvas: string, at: { readonly x: number; readonly y: number }): Promise<void> {
    await this.ask(`document.getElementById('${canvas}').scrollIntoView({ block: 'center' })`);
    const box = await this.box(canvas);
    await this.page.mouse.move(box.x + at.x, box.y + at.y);
  }

  async box(canvas: string): Promise<{ x: number; y: number; width: number; height: number }> {
    return this.ask(`(({ x, y, width, height }) => ({ x, y, width, height }))(
      document.getElementById('${canvas}').getBoundingClientRect())`);
  }

  /** The longest the page was busy, and the longest time between two frames, since this was last asked. */
  busy(): Promise<{ readonly taskMs: number; readonly frameMs: number }> {
    return this.ask('window.takeBusy()');
  }

  async close(): Promise<void> {
    await this.page.close();
  }
}

const OBSERVE = `
  let taskMs = 0;
  let frameMs = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) taskMs = Math.max(taskMs, entry.duration);
  });
  observer.observe({ type: 'longtask', buffered: true });
  let last;
  const frame = (now) => {
    if (last !== undefined) frameMs = Math.max(frameMs, now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  window.takeBusy = () => {
    for (const entry of observer.takeRecords()) taskMs = Math.max(taskMs, entry.duration);
    const taken = { taskMs, frameMs };
    taskMs = 0;
    frameMs = 0;
    return taken;
  };
`;
