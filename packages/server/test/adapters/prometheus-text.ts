/** A strict reader of the text format 0.0.4: what Prometheus would forgive, it does not. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const HELP = new RegExp(`^# HELP (${NAME}) ((?:[^\\\\]|\\\\\\\\|\\\\n)+)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.+)\\})? (NaN|[+-]Inf|-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)$`);
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^\\"\n]|\\\\|\\"|\\n)*)"(?:,(?=.)|$)/;

/** Throws on the first thing that is not as it must be. */
export function parseMetrics(text: string): Family[] {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const lines = text.slice(0, -1).split('\n');
  const families: Family[] = [];
  const seen = new Set<string>();
  for (let at = 0; at < lines.length;) {
    const help = HELP.exec(lines[at] ?? '');
    const type = TYPE.exec(lines[at + 1] ?? '');
    if (help === null || type === null || help[1] !== type[1]) throw new Error(`no HELP and TYPE at "${lines[at]}"`);
    const [name = '', kind = ''] = [type[1], type[2]];
    if (families.some((family) => family.name === name)) throw new Error(`${name} is there twice`);
    const samples: Sample[] = [];
    for (at += 2; at < lines.length && !(lines[at] ?? '').startsWith('#'); at += 1) {
      const line = lines[at] ?? '';
      const sample = parseSample(line);
      const series = line.slice(0, line.lastIndexOf(' '));
      if (seen.has(series)) throw new Error(`${series} is there twice`);
      seen.add(series);
      samples.push(sample);
    }
    if (samples.length === 0) throw new Error(`${name} has no samples`);
    const family = { name, type: kind, help: help[2] ?? '', samples };
    check(family);
    families.push(family);
  }
  return families;
}

function parseSample(line: string): Sample {
  const match = SAMPLE.exec(line);
  if (match === null) throw new Error(`no sample: "${line}"`);
  const labels: Record<string, string> = {};
  let rest = match[2] ?? '';
  while (rest !== '') {
    const label = LABEL.exec(rest);
    const [whole, name = '', value = ''] = label ?? [''];
    if (label === null || name in labels) throw new Error(`no labels: "${line}"`);
    labels[name] = value.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    rest = rest.slice(whole.length);
  }
  const value = match[3] ?? '';
  return { name: match[1] ?? '', labels, value: value.endsWith('Inf') ? Number(`${value}inity`) : Number(value) };
}

function check({ name, type, samples }: Family): void {
  if (type !== 'histogram') {
    if (samples.some((sample) => sample.name !== name)) throw new Error(`a sample of another family in ${name}`);
    if (type === 'counter' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} is below zero`);
    return;
  }
  // Each set of the other labels is a histogram of its own.
  const byLabels = new Map<string, Sample[]>();
  for (const sample of samples) {
    const series = JSON.stringify(Object.entries(sample.labels).filter(([label]) => label !== 'le'));
    byLabels.set(series, [...(byLabels.get(series) ?? []), sample]);
  }
  for (const [series, each] of byLabels) checkHistogram(`${name} ${series}`, name, each);
}

function checkHistogram(series: string, name: string, samples: readonly Sample[]): void {
  const rest = samples.map((sample) => `${sample.name.slice(name.length)} ${sample.labels['le'] ?? ''}`.trim());
  const bounds = samples.filter((sample) => sample.name === `${name}_bucket`);
  const expected = [...bounds.map(({ labels }) => `_bucket ${labels['le']}`), '_sum', '_count'];
  if (rest.join() !== expected.join()) throw new Error(`${series} is no histogram: ${rest.join()}`);
  const edges = bounds.map(({ labels }) => Number((labels['le'] ?? '').replace(/Inf$/, 'Infinity')));
  if (edges.at(-1) !== Infinity) throw new Error(`${name} has no last bucket`);
  if (edges.some((edge, place) => place > 0 && !(edge > (edges[place - 1] as number))))
    throw new Error(`${name}: bounds`);
  const counts = bounds.map(({ value }) => value);
  if (counts.some((count, place) => place > 0 && count < (counts[place - 1] as number)))
    throw new Error(`${name}: counts`);
  if (samples.at(-1)?.value !== counts.at(-1)) throw new Error(`${name}: the count is not the last bucket's`);
}
