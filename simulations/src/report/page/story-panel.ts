/**
 * The run in sentences, next to the diagram: what happens in the window, and lists to jump by.
 */
import { element, make, secondsText } from './canvas.ts';
import type { PageData, StoryItem } from './page-data.ts';
import type { TimeWindow } from './time-window.ts';

const ROWS_MAX = 60;
/** Faults before the window that explain it. */
const EARLIER_MAX = 2;

export interface JumpTarget {
  readonly fromUs: number;
  readonly toUs: number;
  readonly text: string;
  readonly group: number;
  readonly key: number;
}

export class StoryPanel {
  readonly #data: PageData;
  readonly #time: TimeWindow;
  #shown = '';

  constructor(data: PageData, time: TimeWindow) {
    this.#data = data;
    this.#time = time;
  }

  draw(group: number, withNotes: boolean): void {
    const { fromUs, toUs } = this.#time;
    const concerned = this.#data.story.filter(
      (item) => (group < 0 || item.group < 0 || item.group === group) && (withNotes || item.kind !== 'note'),
    );
    const inside = concerned.filter(({ atUs }) => atUs >= fromUs && atUs <= toUs);
    const earlier = concerned.filter(({ atUs, kind }) => atUs < fromUs && kind === 'fault').slice(-EARLIER_MAX);
    const rows = inside.slice(0, ROWS_MAX);
    const name = `${group} ${withNotes} ${earlier.length} ${inside.length} ${rows[0]?.atUs ?? ''} ${rows.at(-1)?.atUs ?? ''}`;
    if (name === this.#shown) return;
    this.#shown = name;
    const list = [...earlier.map((item) => this.#row(item, 'earlier')), ...rows.map((item) => this.#row(item, ''))];
    if (inside.length > rows.length) list.push(make('div', 'more', `and ${inside.length - rows.length} more: zoom in`));
    if (list.length === 0) list.push(make('div', 'more', 'nothing out of the ordinary in this stretch of time'));
    element('story').replaceChildren(...list);
  }

  #row(item: StoryItem, extra: string): HTMLElement {
    const row = make('button', `row ${item.kind} ${extra}`);
    row.append(make('span', 'at', secondsText(item.atUs, 100)), make('span', 'what', item.text));
    row.addEventListener('click', () => this.#time.center(item.atUs));
    return row;
  }
}

/** The three lists of places worth a look. */
export function jumpTargets(data: PageData): Readonly<Record<'elections' | 'faults' | 'violations', JumpTarget[]>> {
  const around = (fromUs: number, toUs: number, text: string, group = -1, key = -1): JumpTarget => {
    const margin = Math.max(1000, (toUs - fromUs) * 0.25);
    return { fromUs: fromUs - margin, toUs: toUs + margin, text, group, key };
  };
  const nameOf = (process: number): string => data.nodes[process]?.name ?? '';
  return {
    elections: data.elections.map(({ group, process, ballot, isChange, preparedUs, ledUs, decidedUs }) => {
      const what = ledUs < 0 ? 'tries to lead' : isChange ? 'takes over' : 'first leader of';
      const text = `${secondsText(preparedUs, 1000)}: ${nameOf(process)} ${what} group ${group}, ballot ${ballot}`;
      return around(preparedUs, Math.max(preparedUs, ledUs, decidedUs), text, group);
    }),
    faults: data.inflicted.map(({ atUs, text }) =>
      around(atUs - 100_000, atUs + 400_000, `${secondsText(atUs, 1000)}: ${text}`),
    ),
    violations: data.keys.flatMap(({ key, stuckUs, verdict }, index) =>
      verdict === 'linearizable'
        ? []
        : [
            around(
              stuckUs - 50_000,
              stuckUs + 50_000,
              `${secondsText(stuckUs, 1000)}: key ${key}, ${verdict}`,
              -1,
              index,
            ),
          ],
    ),
  };
}
