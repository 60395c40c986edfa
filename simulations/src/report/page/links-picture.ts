/**
 * Who reaches whom at one moment: the nodes in a ring, cut links in red, the leader filled.
 */
import { element, secondsText } from './canvas.ts';
import type { PageData } from './page-data.ts';
import { faultColor, groupColor, inkColor, leaderColor } from './palette.ts';

const SVG = 'http://www.w3.org/2000/svg';
const [CENTER_X, CENTER_Y, RADIUS_PX] = [180, 82, 54];

export function drawLinks(data: PageData, atUs: number, group: number): void {
  const during = <Span extends { readonly fromUs: number; readonly toUs: number }>(spans: readonly Span[]): Span[] =>
    spans.filter(({ fromUs, toUs }) => fromUs <= atUs && atUs < toUs);
  const faults = during(data.faults);
  const cut = new Set(faults.flatMap(({ links }) => links.map(([a, b]) => `${a} ${b}`)));
  const down = new Set(
    faults.flatMap(({ kind, processes }) => (kind === 'crash' || kind === 'pause' ? processes : [])),
  );
  const leaders = during(data.leaders).filter((span) => group < 0 || span.group === group);
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 360 168');
  const place = (process: number): readonly [number, number] => {
    const angle = -Math.PI / 2 + (2 * Math.PI * process) / data.nodes.length;
    return [CENTER_X + RADIUS_PX * 1.25 * Math.cos(angle), CENTER_Y + RADIUS_PX * Math.sin(angle)];
  };
  data.nodes.forEach((_, a) => {
    for (let b = a + 1; b < data.nodes.length; b += 1) {
      const ways = Number(cut.has(`${a} ${b}`)) + Number(cut.has(`${b} ${a}`));
      const dead = down.has(a) || down.has(b);
      const [[x1, y1], [x2, y2]] = [place(a), place(b)];
      const color = ways > 0 ? faultColor : dead ? '#dde2e7' : '#5f6d7c';
      const dash = ways === 2 ? '3 5' : ways === 1 ? '9 4' : 'none';
      shape(svg, 'line', {
        x1,
        y1,
        x2,
        y2,
        stroke: color,
        'stroke-width': ways > 0 ? 1.5 : 2.5,
        'stroke-dasharray': dash,
      });
      if (ways > 0) label(svg, '×', (x1 + x2) / 2, (y1 + y2) / 2 + 6, faultColor, 20);
    }
  });
  data.nodes.forEach(({ name }, process) => {
    const [x, y] = place(process);
    const led = leaders.find((span) => span.process === process);
    const believes = led !== undefined && atUs >= led.supersededUs;
    const color = led === undefined || believes ? '#fff' : group < 0 ? groupColor(led.group) : leaderColor;
    const isDown = down.has(process);
    shape(svg, 'circle', {
      cx: x,
      cy: y,
      r: 11,
      fill: isDown ? '#eee' : color,
      stroke: isDown ? '#bbb' : inkColor,
      'stroke-width': 1.5,
    });
    const role = isDown ? 'down' : led === undefined ? '' : believes ? 'thinks it leads' : 'leads';
    const right = x >= CENTER_X;
    const anchor = right ? 'start' : 'end';
    label(svg, name, x + (right ? 16 : -16), y + (role === '' ? 4 : -2), isDown ? '#999' : inkColor, 13, anchor);
    if (role !== '') label(svg, role, x + (right ? 16 : -16), y + 13, isDown ? '#999' : leaderColor, 12, anchor);
  });
  element('links').replaceChildren(svg);
  element('links-title').textContent = `Who reaches whom at ${secondsText(atUs, 1000)}`;
}

function shape(parent: Element, tag: string, attributes: Readonly<Record<string, string | number>>): Element {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  parent.append(made);
  return made;
}

function label(
  parent: Element,
  text: string,
  x: number,
  y: number,
  fill: string,
  size: number,
  anchor: 'start' | 'middle' | 'end' = 'middle',
): void {
  shape(parent, 'text', { x, y, fill, 'font-size': size, 'text-anchor': anchor }).textContent = text;
}
