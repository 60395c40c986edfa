/** The report page in a browser. Needs Chromium: apt-get install chromium. */
import { statSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeReport } from '../../src/report/index.ts';
import { get, put } from '../checkers/calls.ts';
import { describePage, open, ReportBrowser } from './chromium.ts';
import { groupColor, kindStyles } from '../../src/report/page/palette.ts';
import { crowded, leaderChange } from './sample-recordings.ts';

const PREPARE_COLOR = [217, 72, 15] as const;
const END_COLOR = [238, 0, 0] as const;

interface Written {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly w: number;
}

/** From now on the page keeps what it wrote when it last drew the diagram. */
const WATCH_TEXT = `
  window.written = [];
  const { fillText: write, clearRect: clear } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    if (this.canvas.id === 'diagram') window.written = [];
    clear.apply(this, box);
  };
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    const w = this.measureText(text).width;
    const left = { left: x, center: x - w / 2, right: x - w }[this.textAlign];
    if (this.canvas.id === 'diagram') window.written.push({ text, x: left, y, w });
    write.call(this, text, x, y);
  };
`;

/** From now on the page keeps how far down it draws the crosses of the close-up. */
const WATCH_CROSSES = `
  window.crosses = [];
  const { moveTo } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.moveTo = function (x, y) {
    if (this.canvas.id === 'close-up' && this.strokeStyle === '#c92a2a') window.crosses.push(y);
    moveTo.call(this, x, y);
  };
`;

const newest = (folder: string, ending: string): number => {
  const url = new URL(folder, import.meta.url);
  const files = readdirSync(url).filter((name) => name.endsWith(ending));
  return Math.max(...files.map((name) => statSync(new URL(name, url)).mtimeMs));
};

it('gives no group the colour of a kind of message', () => {
  const kinds = Object.values(kindStyles).map(({ color }) => color);
  expect([0, 1, 2, 3, 4, 5, 6, 7].map(groupColor).filter((color) => kinds.includes(color))).toEqual([]);
});

it('is built from its present source (npm run build)', () => {
  const source = newest('../../src/report/page/', '.ts');
  const built = newest('../../dist/report/page/', '.tsbuildinfo');
  expect(built).toBeGreaterThanOrEqual(source);
});

describePage('the report page', () => {
  let browser: ReportBrowser | undefined;
  beforeAll(async () => {
    browser = await ReportBrowser.launch();
  });
  afterAll(() => browser?.close());

  it('opens without complaints, asks for nothing, and shows the figures of the recording', async () => {
    const recording = leaderChange({ calls: [put(1, [30_000, 40_000], 'a', 1), get(2, [50_000, 60_000], 'a', 1)] });
    const page = await open(browser, writeReport(recording));
    expect(page.complaints).toEqual([]);
    expect(page.requests).toEqual([]);
    expect(await page.figures()).toMatchObject({ messages: recording.messages.length });
    expect(await page.text('#figure-messages')).toBe(String(recording.messages.length));
    expect(await page.text('#figure-operations')).toBe('2');
    expect(await page.text('#figure-changes')).toBe('1');
    expect(await page.text('#verdict')).toBe('PASSED');
    expect(await page.text('#verdicts')).toContain(recording.replay);
    await page.close();
  });

  it('opens at the leader change, tells it, and shows it close up', async () => {
    const page = await open(browser, writeReport(leaderChange({ calls: [put(1, [30_000, 40_000], 'a', 1)] })));
    const { fromUs, toUs } = await page.shown();
    expect([fromUs < 400_000, toUs > 502_000, toUs < 700_000]).toEqual([true, true, true]);
    expect(await page.text('#story')).toContain('n3 wants to lead group 1');
    expect(await page.text('#close-up-title')).toBe('Close up: n3 takes over group 1 with ballot 2.n3');
    expect(await page.text('#jump-elections')).toContain('elections (3)');
    expect(await page.text('#jump-faults')).toContain('faults (1)');
    const prepare = await page.find('close-up', PREPARE_COLOR);
    expect(prepare).not.toBeNull();
    await page.pointAt('close-up', prepare ?? { x: 0, y: 0 });
    await page.page.waitForFunction(`document.getElementById('tooltip').textContent.includes('prepare 2.n3')`);
    await page.close();
  });

  it('shows the first decision close up, also one that takes several times as long as phase 1', async () => {
    const recording = leaderChange();
    const decidedUs = 508_000;
    const decisions = recording.decisions.map((one) =>
      one.process === 2 && one.index === 31 ? { ...one, atUs: decidedUs } : one,
    );
    const page = await open(browser, writeReport({ ...recording, decisions }));
    const { fromUs, toUs } = await page.ask<{ fromUs: number; toUs: number }>('kvorumReport.closeUp()');
    expect(fromUs).toBeLessThan(500_000);
    expect(toUs).toBeGreaterThan(decidedUs + 500);
    await page.close();
  });

  it('shows no election of another group close up', async () => {
    const page = await open(browser, writeReport(leaderChange()));
    await page.show({ fromUs: 400_000, toUs: 600_000 });
    await page.page.select('#group', '2');
    await page.drawn();
    expect(await page.ask(`document.getElementById('close-up-section').hidden`)).toBe(true);
    await page.close();
  });

  it('tells the election before the fold, and log lines when asked', async () => {
    const page = await open(browser, writeReport(leaderChange({ calls: [put(1, [30_000, 40_000], 'a', 1)] })));
    expect(await page.text('#story')).not.toContain('is suspected');
    const hidden = `(({ scrollHeight, clientHeight }) => scrollHeight - clientHeight)(document.getElementById('story'))`;
    expect(await page.ask(hidden)).toBeLessThanOrEqual(1);
    await page.page.click('#log');
    await page.drawn();
    expect(await page.text('#story')).toContain('n3: n1 is suspected');
    await page.close();
  });

  it('listens to keys after a click on a switch or a list, and tells the time under the pointer', async () => {
    const page = await open(browser, writeReport(leaderChange()));
    const width = async (): Promise<number> => (({ fromUs, toUs }) => toUs - fromUs)(await page.shown());
    await page.page.click('#heartbeats');
    const before = await width();
    await page.page.keyboard.press('+');
    expect(await width()).toBeLessThan(before);
    await page.page.click('#group');
    await page.page.keyboard.press('Escape');
    await page.page.keyboard.press('0');
    expect(await width()).toBe(1_000_000);
    await page.pointAt('diagram', { x: 500, y: 100 });
    await page.show({ fromUs: 0, toUs: 100_000 });
    await page.page.keyboard.press('End');
    await page.drawn();
    const [, seconds] = /at ([\d.]+) s/.exec(await page.text('#links-title')) ?? [];
    expect(Number(seconds)).toBeGreaterThan(0.9);
    await page.close();
  });

  it('writes nothing over anything else, and nothing beyond the edge', async () => {
    const page = await open(browser, writeReport(crowded()));
    await page.ask(WATCH_TEXT);
    await page.show({ fromUs: 0, toUs: 3_000_000 });
    const written = await page.ask<Written[]>('window.written');
    expect(written.filter(({ text }) => text.startsWith('fault number')).map(({ text }) => text)).toHaveLength(6);
    expect(written.map(({ text }) => text)).toEqual(expect.arrayContaining(['n1, 1.n1', 'n2, 2.n2', 'n3, 3.n3']));
    const { width } = await page.box('diagram');
    for (const [i, one] of written.entries()) {
      expect(one.x, one.text).toBeGreaterThanOrEqual(0);
      expect(one.x + one.w, one.text).toBeLessThanOrEqual(width);
      for (const other of written.slice(i + 1)) {
        const apart = Math.abs(one.y - other.y) >= 12 || one.x + one.w <= other.x || other.x + other.w <= one.x;
        expect(apart, `${one.text} / ${other.text}`).toBe(true);
      }
    }
    await page.close();
  });

  it('ends a lost message at the line of its receiver', async () => {
    const page = await open(browser, writeReport(leaderChange({ calls: [put(1, [30_000, 40_000], 'a', 1)] })));
    await page.ask(WATCH_CROSSES);
    await page.show({ fromUs: 490_000, toUs: 510_000 });
    // The one of the prepare to n1, which is cut off; the line of n2 is at 186.
    const crosses = await page.ask<number[]>('window.crosses');
    expect(crosses).not.toEqual([]);
    for (const y of crosses) expect(Math.abs(y - 76)).toBeLessThan(20);
    await page.close();
  });

  it('shows each group of a node that leads several in the strip of the whole run', async () => {
    const page = await open(browser, writeReport(leaderChange()));
    await page.page.select('#group', '-1');
    await page.drawn();
    for (const group of [1, 2]) {
      const hex = groupColor(group);
      const at = (from: number): number => Number.parseInt(hex.slice(from, from + 2), 16);
      // n1 has the first 12 pixels below the faults.
      expect((await page.find('overview', [at(1), at(3), at(5)]))?.y).toBeLessThan(26);
    }
    await page.close();
  });

  it('filters by group and by kind', async () => {
    const recording = leaderChange();
    const page = await open(browser, writeReport(recording));
    await page.show({ fromUs: 0, toUs: 1_000_000 });
    const inGroup = (group: number): number =>
      recording.messages.filter(
        ({ from, to, parts }) => from < 1000 && to < 1000 && parts.some((part) => part.group === group),
      ).length;
    const seen: string[] = [];
    for (const group of [1, 2]) {
      await page.page.select('#group', String(group));
      await page.drawn();
      expect((await page.figures()).shown).toBe(inGroup(group));
      seen.push(await page.picture('diagram'));
    }
    expect(seen[0]).not.toBe(seen[1]);
    await page.page.select('#group', '-1');
    expect((await page.figures()).shown).toBe(inGroup(1) + inGroup(2));
    await page.page.click('#heartbeats');
    await page.page.click('#clients');
    expect((await page.figures()).shown).toBe(recording.messages.length);
    await page.close();
  });

  it('zooms by wheel and key, moves by dragging, and scrubs on the overview', async () => {
    const page = await open(browser, writeReport(leaderChange()));
    const width = ({ fromUs, toUs }: { fromUs: number; toUs: number }): number => toUs - fromUs;
    const before = await page.shown();
    await page.pointAt('diagram', { x: 400, y: 100 });
    await page.page.mouse.wheel({ deltaY: -400 });
    await page.page.waitForFunction(`kvorumReport.window().toUs - kvorumReport.window().fromUs < ${width(before) / 2}`);
    const zoomed = await page.shown();
    await page.page.keyboard.press('-');
    expect(width(await page.shown())).toBeGreaterThan(width(zoomed) * 1.5);
    const start = await page.shown();
    await page.page.mouse.down();
    const box = await page.box('diagram');
    await page.page.mouse.move(box.x + 300, box.y + 100);
    await page.page.mouse.up();
    const dragged = await page.shown();
    expect(dragged.fromUs).toBeGreaterThan(start.fromUs);
    expect(width(dragged)).toBeCloseTo(width(start));
    const strip = await page.box('overview');
    await page.page.mouse.click(strip.x + strip.width - 150, strip.y + 30);
    await page.drawn();
    expect((await page.shown()).fromUs).toBeGreaterThan(dragged.fromUs + 100_000);
    await page.page.keyboard.press('0');
    expect(await page.shown()).toEqual({ fromUs: 0, toUs: 1_000_000 });
    await page.page.click('#home');
    expect(await page.shown()).toEqual(before);
    await page.close();
  });

  it('shows where a history has no linearization, and why', async () => {
    const calls = [
      put(1, [100_000, 110_000], 'a', 1),
      put(1, [200_000, 210_000], 'b', 2),
      get(2, [300_000, 310_000], 'a', 1),
      put(1, [400_000, 410_000], 'c', 3),
    ];
    const verdicts = [{ name: 'every key is linearizable', passed: false, detail: 'key k is not' }];
    const page = await open(browser, writeReport(leaderChange({ calls, verdicts })));
    expect(await page.text('#verdict')).toBe('FAILED');
    expect(await page.text('#jump-violations')).toContain('violations (1)');
    const verdict = await page.text('#key-verdict');
    expect(verdict).toContain('No linearization exists. The longest order covers 2 of 4 operations');
    expect(verdict).toContain('it saw "a" version 1, but the key then holds "b" version 2');
    const { fromUs, toUs } = await page.shown();
    expect([fromUs < 310_000, toUs > 310_000]).toEqual([true, true]);
    // The end mark stands at the return of the read that fits nowhere.
    const end = await page.find('operations', END_COLOR);
    const box = await page.box('operations');
    const expected = 112 + ((310_000 - fromUs) / (toUs - fromUs)) * (box.width - 8 - 112);
    expect(Math.abs((end?.x ?? 0) - expected)).toBeLessThan(3);
    expect(page.complaints).toEqual([]);
    await page.close();
  });

  it('shows text of the run as text', async () => {
    const evil = '</script><img src=x onerror=alert(1)><!--';
    const calls = [{ ...put(1, [30_000, 40_000], evil, 1), key: evil }];
    const html = writeReport(
      leaderChange({
        calls,
        scenario: evil,
        summary: evil,
        replay: evil,
        options: { [evil]: evil },
        verdicts: [{ name: evil, passed: false, detail: evil }],
      }),
    );
    const page = await open(browser, html);
    expect(page.complaints).toEqual([]);
    expect(await page.ask('document.images.length')).toBe(0);
    expect(await page.text('h1')).toContain(evil);
    expect(await page.text('#key')).toContain(evil);
    await page.close();
  });

  it.each([1280, 1920])('fits into %i pixels', async (width) => {
    const page = await open(browser, writeReport(leaderChange()), width);
    expect(await page.ask('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    await page.close();
  });
});
