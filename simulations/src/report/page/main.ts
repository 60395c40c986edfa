/**
 * The report page: reads its data, wires pictures, controls and keys to one window of time.
 */
import { element, make, oncePerFrame, secondsText, steer } from './canvas.ts';
import { Diagram } from './diagram.ts';
import { drawLinks } from './links-picture.ts';
import { MessageTable } from './message-table.ts';
import { OperationsView } from './operations-view.ts';
import { Overview } from './overview.ts';
import type { PageData, PageElection, PageKey } from './page-data.ts';
import { groupColor, kindStyles } from './palette.ts';
import type { JumpTarget } from './story-panel.ts';
import { jumpTargets, StoryPanel } from './story-panel.ts';
import { TimeWindow } from './time-window.ts';
import { hideTooltip, messageLines, operationLines, showTooltip } from './tooltip.ts';

/** A first decision that takes so many times longer than phase 1 would leave no room for the exchange. */
const LATE_FACTOR = 20;

/** For the console, and for tests. */
interface ReportHandle {
  readonly window: () => { readonly fromUs: number; readonly toUs: number };
  readonly closeUp: () => { readonly fromUs: number; readonly toUs: number };
  readonly show: (fromUs: number, toUs: number) => void;
  readonly figures: () => Readonly<Record<string, number>>;
}

declare global {
  interface Window {
    kvorumReport?: ReportHandle;
  }
}

class ReportPage {
  readonly #data: PageData;
  readonly #time: TimeWindow;
  readonly #table: MessageTable;
  readonly #diagram: Diagram;
  /** The election that is looked at, in a window of its own. */
  readonly #closeUp: Diagram;
  readonly #closeUpTime: TimeWindow;
  #closeUpShows: PageElection | undefined;
  readonly #overview: Overview;
  readonly #operations: OperationsView;
  readonly #story: StoryPanel;
  readonly #redraw: () => void;
  /** Where the pointer is on a diagram; undefined while it is elsewhere. */
  #pointed: { readonly diagram: Diagram; readonly x: number } | undefined;

  constructor(data: PageData) {
    this.#data = data;
    this.#time = new TimeWindow(data.about.simulatedUs);
    this.#table = new MessageTable(data);
    this.#closeUpTime = new TimeWindow(data.about.simulatedUs);
    this.#diagram = new Diagram('diagram', false, data, this.#time, this.#table);
    this.#closeUp = new Diagram('close-up', true, data, this.#closeUpTime, this.#table);
    this.#overview = new Overview(data, this.#time, this.#table);
    this.#operations = new OperationsView(data, this.#time);
    this.#story = new StoryPanel(data, this.#time);
    this.#redraw = oncePerFrame(() => this.#draw());
    this.#time.onChange(this.#redraw);
    this.#closeUpTime.onChange(this.#redraw);
    window.addEventListener('resize', () => {
      this.#overview.forget();
      this.#redraw();
    });
    this.#fillControls();
    this.#listenToPointer();
    this.#listenToKeys();
    const { opening } = data;
    element('opening').textContent = `It opens at ${opening.why}.`;
    this.#chooseGroup(opening.group);
    this.#chooseKey(opening.key);
    this.#time.show(opening.fromUs, opening.toUs);
    window.kvorumReport = {
      window: () => ({ fromUs: this.#time.fromUs, toUs: this.#time.toUs }),
      closeUp: () => ({ fromUs: this.#closeUpTime.fromUs, toUs: this.#closeUpTime.toUs }),
      show: (fromUs, toUs) => this.#time.show(fromUs, toUs),
      figures: () => ({
        messages: this.#table.count,
        shown: this.#table.shown,
        arrows: this.#diagram.drawnArrows,
        bars: this.#operations.drawnBars,
      }),
    };
  }

  get #group(): number {
    return this.#diagram.filter.group;
  }

  #draw(): void {
    // Not laid out yet, or a hidden tab: the resize that ends that draws.
    if (element('pictures').clientWidth === 0) return;
    this.#chooseCloseUp();
    this.#diagram.draw();
    if (this.#closeUpShows !== undefined) this.#closeUp.draw();
    this.#overview.draw();
    this.#operations.draw();
    this.#story.draw(this.#group, checkbox('log').checked);
    this.#drawLinks();
    const { drawnArrows, stride } = this.#diagram;
    element('drawn').textContent =
      stride === 1
        ? `${drawnArrows} messages in view`
        : `${drawnArrows} arrows in view: one of ${stride} of the frequent kinds is drawn, zoom in for all`;
  }

  #drawLinks(): void {
    const pointedUs = this.#pointed?.diagram.scale.us(this.#pointed.x);
    drawLinks(this.#data, pointedUs ?? (this.#time.fromUs + this.#time.toUs) / 2, this.#group);
  }

  #refilter(): void {
    const group = Number(select('group').value);
    const filter = { group, heartbeats: checkbox('heartbeats').checked, clients: checkbox('clients').checked };
    this.#table.filter(filter);
    for (const diagram of [this.#diagram, this.#closeUp]) {
      diagram.filter = filter;
      diagram.hovered = -1;
    }
    this.#overview.group = group;
    this.#overview.forget();
    this.#redraw();
  }

  #chooseGroup(group: number): void {
    select('group').value = String(group);
    this.#refilter();
  }

  /** The election in view that is nearest to the middle; when there is none, the one before stays, if of this group. */
  #chooseCloseUp(): void {
    const { fromUs, toUs } = this.#time;
    const middle = (fromUs + toUs) / 2;
    const concerned = (election: PageElection): boolean => this.#group < 0 || election.group === this.#group;
    if (this.#closeUpShows !== undefined && !concerned(this.#closeUpShows)) this.#closeUpShows = undefined;
    const inView = this.#data.elections.filter(
      (one) => concerned(one) && one.ledUs >= 0 && one.preparedUs < toUs && one.ledUs > fromUs,
    );
    const nearest = inView.sort((a, b) => Math.abs(a.preparedUs - middle) - Math.abs(b.preparedUs - middle))[0];
    element('close-up-section').hidden = (nearest ?? this.#closeUpShows) === undefined;
    if (nearest === undefined || nearest === this.#closeUpShows) return;
    this.#closeUpShows = nearest;
    const { process, group, ballot, isChange, preparedUs, ledUs, decidedUs } = nearest;
    const phase1Us = ledUs - preparedUs;
    const isLate = decidedUs < 0 || decidedUs - ledUs > LATE_FACTOR * Math.max(1000, phase1Us);
    const endUs = isLate ? ledUs + Math.max(3000, 1.5 * phase1Us) : Math.max(ledUs, decidedUs);
    const margin = Math.max(200, (endUs - preparedUs) * 0.12);
    this.#closeUpTime.show(preparedUs - margin, endUs + 2 * margin);
    const name = this.#data.nodes[process]?.name ?? '';
    const what = isChange ? `${name} takes over group ${group}` : `${name} becomes the first leader of group ${group}`;
    const later =
      isLate && decidedUs >= 0 ? `; its first decision comes later, at ${secondsText(decidedUs, 1000)}` : '';
    element('close-up-title').textContent = `Close up: ${what} with ballot ${ballot}${later}`;
  }

  #chooseKey(index: number): void {
    const key = this.#data.keys[index];
    if (key === undefined) return;
    select('key').value = String(index);
    this.#operations.choose(index);
    element('key-verdict').replaceChildren(...keyVerdict(key));
    this.#redraw();
  }

  #jump(target: JumpTarget): void {
    if (target.group >= 0) this.#chooseGroup(target.group);
    if (target.key >= 0) this.#chooseKey(target.key);
    this.#time.show(target.fromUs, target.toUs);
  }

  #fillControls(): void {
    const { groups, keys } = this.#data;
    addOption('group', '-1', 'all groups');
    for (const group of groups) addOption('group', String(group), group === 0 ? 'group 0 (layout)' : `group ${group}`);
    select('group').addEventListener('change', () => this.#refilter());
    for (const id of ['heartbeats', 'clients', 'log']) checkbox(id).addEventListener('change', () => this.#refilter());
    keys.forEach(({ key, verdict, operations }, index) => {
      addOption('key', String(index), `${key}: ${operations.length} operations, ${verdictText(verdict)}`);
    });
    select('key').addEventListener('change', () => this.#chooseKey(Number(select('key').value)));
    for (const [name, targets] of Object.entries(jumpTargets(this.#data))) this.#fillJumps(`jump-${name}`, targets);
    const middle = (): number => (this.#time.fromUs + this.#time.toUs) / 2;
    const actions: Readonly<Record<string, () => void>> = {
      'zoom-in': () => this.#time.zoom(middle(), 0.5),
      'zoom-out': () => this.#time.zoom(middle(), 2),
      earlier: () => this.#time.pan(-this.#time.widthUs / 3),
      later: () => this.#time.pan(this.#time.widthUs / 3),
      whole: () => this.#time.show(0, this.#time.endUs),
      home: () => this.#time.show(this.#data.opening.fromUs, this.#data.opening.toUs),
    };
    for (const [id, action] of Object.entries(actions)) element(id).addEventListener('click', action);
    element('legend-kinds').replaceChildren(
      ...['prepare', 'promise', 'accept-sync', 'accept', 'accepted', 'decide'].map(legendRow),
    );
    const others = Object.keys(kindStyles).filter((kind) => styleHasUse(this.#data, kind));
    element('legend-others').replaceChildren(...others.map(legendRow));
    element('legend-groups').replaceChildren(...groups.map(groupSwatch));
  }

  #fillJumps(id: string, targets: readonly JumpTarget[]): void {
    const list = select(id);
    list.disabled = targets.length === 0;
    targets.forEach(({ text }, index) => addOption(id, String(index), text));
    const first = list.options[0];
    if (first !== undefined) first.textContent = `${first.textContent ?? ''} (${targets.length})`;
    list.addEventListener('change', () => {
      const target = targets[Number(list.value)];
      if (target !== undefined) this.#jump(target);
      // So that choosing the same one again jumps again.
      list.selectedIndex = 0;
    });
  }

  #listenToPointer(): void {
    this.#point(this.#diagram, this.#time);
    this.#point(this.#closeUp, this.#closeUpTime);
    const bars = this.#operations.canvas;
    steer(bars, this.#time, this.#operations.scale);
    bars.addEventListener('pointermove', (event) => {
      const operation = this.#operations.at(event.offsetX, event.offsetY);
      if (operation === undefined) hideTooltip();
      else showTooltip(event.clientX, event.clientY, operationLines(operation));
    });
    bars.addEventListener('pointerleave', hideTooltip);
  }

  #point(diagram: Diagram, time: TimeWindow): void {
    const { canvas } = diagram;
    steer(canvas, time, diagram.scale);
    const links = oncePerFrame(() => this.#drawLinks());
    const hover = (index: number): void => {
      if (index === diagram.hovered) return;
      diagram.hovered = index;
      this.#redraw();
    };
    canvas.addEventListener('pointermove', (event) => {
      const index = diagram.messageAt(event.offsetX, event.offsetY);
      const fault = diagram.faultAt(event.offsetX, event.offsetY);
      this.#pointed = { diagram, x: Math.max(event.offsetX, diagram.scale.left) };
      links();
      hover(index);
      if (index >= 0) {
        showTooltip(event.clientX, event.clientY, messageLines(this.#data, this.#table, index, this.#group));
      } else if (fault !== undefined) {
        const times = `${secondsText(fault.fromUs, 100)} to ${secondsText(fault.toUs, 100)}`;
        showTooltip(event.clientX, event.clientY, [fault.text, times]);
      } else hideTooltip();
    });
    canvas.addEventListener('pointerleave', () => {
      this.#pointed = undefined;
      hideTooltip();
      hover(-1);
      links();
    });
  }

  #listenToKeys(): void {
    const middle = (): number => (this.#time.fromUs + this.#time.toUs) / 2;
    const actions: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => this.#time.pan(-this.#time.widthUs / 5),
      ArrowRight: () => this.#time.pan(this.#time.widthUs / 5),
      '+': () => this.#time.zoom(middle(), 0.6),
      '=': () => this.#time.zoom(middle(), 0.6),
      '-': () => this.#time.zoom(middle(), 1 / 0.6),
      Home: () => this.#time.show(0, this.#time.widthUs),
      End: () => this.#time.show(this.#time.endUs - this.#time.widthUs, this.#time.endUs),
      '0': () => this.#time.show(0, this.#time.endUs),
      n: () => this.#nextElection(1),
      p: () => this.#nextElection(-1),
    };
    let clicked: EventTarget | null = null;
    document.addEventListener('pointerdown', ({ target }) => {
      clicked = target;
    });
    document.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      // A list that was reached by key has its own use for these keys; one that was clicked has done its work.
      if (event.target instanceof HTMLSelectElement && event.target !== clicked) return;
      const action = actions[event.key];
      if (action === undefined) return;
      event.preventDefault();
      action();
    });
  }

  #nextElection(direction: 1 | -1): void {
    const middle = (this.#time.fromUs + this.#time.toUs) / 2;
    const targets = jumpTargets(this.#data).elections.filter(({ group }) => this.#group < 0 || group === this.#group);
    const middleOf = ({ fromUs, toUs }: JumpTarget): number => (fromUs + toUs) / 2;
    const next =
      direction > 0
        ? targets.find((target) => middleOf(target) > middle + 1)
        : targets.findLast((target) => middleOf(target) < middle - 1);
    if (next !== undefined) this.#time.show(next.fromUs, next.toUs);
  }
}

function select(id: string): HTMLSelectElement {
  const found = element(id);
  if (!(found instanceof HTMLSelectElement)) throw new Error(`#${id} is no list`);
  return found;
}

function checkbox(id: string): HTMLInputElement {
  const found = element(id);
  if (!(found instanceof HTMLInputElement)) throw new Error(`#${id} is no switch`);
  return found;
}

function addOption(id: string, value: string, text: string): void {
  select(id).append(new Option(text, value));
}

function verdictText(verdict: PageKey['verdict']): string {
  if (verdict === 'violation') return 'NOT linearizable';
  return verdict === 'unknown' ? 'no verdict' : 'linearizable';
}

function keyVerdict(key: PageKey): HTMLElement[] {
  const placed = key.operations.filter(({ place }) => place >= 0).length;
  if (key.verdict === 'linearizable') {
    return [
      make('p', 'fine', `Linearizable: the marks show one order of ${placed} operations that explains all answers.`),
    ];
  }
  const stuck = key.operations.filter((operation) => operation.stuck !== '');
  const list = make('ul', 'stuck');
  for (const operation of stuck) list.append(make('li', '', `${operation.text}: ${operation.stuck}`));
  const head =
    key.verdict === 'violation'
      ? `No linearization exists. The longest order covers ${placed} of ${key.operations.length} operations and ends at ${secondsText(key.stuckUs, 10)}; one of these would have to come next, and none can:`
      : `No verdict: the search gave up with ${placed} of ${key.operations.length} operations placed.`;
  const details = make('details', '');
  details.append(make('summary', '', 'what the checker says'), make('p', '', key.explanation));
  return [make('p', 'bad', head), list, details];
}

function legendRow(kind: string): HTMLElement {
  const row = make('div', 'kind');
  const { color, means } = kindStyles[kind] ?? { color: '#000', means: '' };
  const name = make('b', '', kind);
  name.style.color = color;
  const line = make('i', 'line');
  line.style.background = color;
  const words = make('span', '');
  words.append(name, means);
  row.append(line, words);
  return row;
}

function styleHasUse(data: PageData, kind: string): boolean {
  const shownFirst = ['prepare', 'promise', 'accept-sync', 'accept', 'accepted', 'decide'];
  return !shownFirst.includes(kind) && data.parts.some(([index]) => data.kinds[index] === kind);
}

function groupSwatch(group: number): HTMLElement {
  const swatch = make('span', 'swatch', `group ${group}`);
  swatch.style.borderLeftColor = groupColor(group);
  return swatch;
}

const text = element('data').textContent ?? '{}';
new ReportPage(JSON.parse(text) as PageData);
