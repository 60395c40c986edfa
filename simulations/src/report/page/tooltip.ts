/**
 * What is under the pointer, in words.
 */
import { durationText, element, make, numberAt, secondsText } from './canvas.ts';
import type { MessageTable } from './message-table.ts';
import type { PageData, PageOperation } from './page-data.ts';
import { styleOf } from './palette.ts';

const LINES_MAX = 12;
const FIRST_CLIENT_NAME = 1000;

const fateTexts: Readonly<Record<string, string>> = {
  lost: 'lost on the way',
  cut: 'never arrives: the link is cut',
  nobody: 'never arrives: nobody is there',
  repeated: 'a second copy of the same frame',
};

export function showTooltip(x: number, y: number, lines: readonly string[]): void {
  const box = element('tooltip');
  const [title = '', ...rest] = lines;
  box.replaceChildren(make('b', '', title), ...rest.map((line) => make('div', '', line)));
  box.style.display = 'block';
  const left = Math.min(x + 14, document.documentElement.clientWidth - box.offsetWidth - 8);
  const below = y + 16 + box.offsetHeight < window.innerHeight;
  box.style.left = `${Math.max(4, left)}px`;
  box.style.top = `${below ? y + 16 : Math.max(4, y - box.offsetHeight - 10)}px`;
}

export function hideTooltip(): void {
  element('tooltip').style.display = 'none';
}

export function messageLines(data: PageData, table: MessageTable, index: number, group: number): string[] {
  const [from, to] = [numberAt(table.from, index), numberAt(table.to, index)];
  const [sentUs, arrivedUs] = [numberAt(table.sentUs, index), numberAt(table.arrivedUs, index)];
  const fate = data.fates[numberAt(table.fate, index)] ?? '';
  const arrives = fate === 'delivered' || fate === 'repeated';
  const texts = table.texts(index, group);
  const more = texts.length > LINES_MAX ? [`and ${texts.length - LINES_MAX} more`] : [];
  return [
    `${nameOfProcess(data, from)} → ${nameOfProcess(data, to)}`,
    ...texts.slice(0, LINES_MAX),
    ...more,
    `sent at ${secondsText(sentUs)}${arrives ? `, ${durationText(arrivedUs - sentUs)} on the way` : ''}`,
    ...(fateTexts[fate] === undefined ? [] : [fateTexts[fate]]),
    styleOf(table.kindName(index)).means,
  ];
}

export function operationLines(operation: PageOperation): string[] {
  const { text, outcome, invokedUs, returnedUs, effectUs, place, stuck } = operation;
  const lines = [
    text,
    `from ${secondsText(invokedUs)}${returnedUs < 0 ? '' : `, took ${durationText(returnedUs - invokedUs)}`}`,
  ];
  if (outcome === 'failed') lines.push('certainly not applied');
  if (outcome === 'unknown') lines.push('no answer: it may take effect at any time, or never');
  if (place >= 0) lines.push(`takes effect as number ${place + 1} on this key, here at ${secondsText(effectUs)}`);
  if (stuck !== '') lines.push(`cannot come next: ${stuck}`);
  return lines;
}

function nameOfProcess(data: PageData, process: number): string {
  return process >= FIRST_CLIENT_NAME ? `client-${process - FIRST_CLIENT_NAME}` : (data.nodes[process]?.name ?? '');
}
