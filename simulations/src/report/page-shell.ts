/**
 * The page around the pictures: markup and style. All that comes from the run goes through `escapeHtml`, or through
 * `textContent` in the page's own code.
 */
import type { PageData } from './page/page-data.ts';

export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replaceAll(/[&<>"']/g, (character) => names[character] ?? '');
}

/** JSON that cannot end its script element, nor a line of it. */
export function embeddedJson(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

/** Nothing is fetched, whatever the data holds. */
const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:";

export function pageShell(data: PageData, script: string): string {
  const { about, verdicts, messages, keys, elections, nodes } = data;
  const passed = verdicts.every((verdict) => verdict.passed);
  const title = `${about.scenario}, seed ${about.seed}`;
  const operations = keys.reduce((sum, key) => sum + key.operations.length, 0);
  const changes = elections.filter(({ isChange, ledUs }) => isChange && ledUs >= 0).length;
  const figures: readonly (readonly [string, string, string])[] = [
    ['simulated', `${(about.simulatedUs / 1e6).toFixed(1)} s`, 'simulated'],
    counted('nodes', nodes.length, 'node'),
    counted('messages', messages.from.length, 'message'),
    counted('changes', changes, 'leader change'),
    counted('faults', data.inflicted.length, 'fault'),
    counted('operations', operations, 'operation'),
    counted('keys', keys.length, 'key'),
  ];
  const dropped =
    about.droppedEvents === 0 ? '' : `<p class="bad">${about.droppedEvents} later events were not recorded.</p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
  <h1><span id="verdict" class="${passed ? 'passed' : 'failed'}">${passed ? 'PASSED' : 'FAILED'}</span> ${escapeHtml(title)}</h1>
  <p id="summary">${escapeHtml(about.summary.slice(0, 1).toUpperCase() + about.summary.slice(1))}.</p>
  <p class="figures">${figures.map(([id, value, text]) => `<span><b id="figure-${id}">${escapeHtml(value)}</b> ${text}</span>`).join('')}</p>
  ${dropped}
  <details${passed ? '' : ' open'} id="verdicts"><summary>${verdicts.filter((verdict) => verdict.passed).length} of ${verdicts.length} verdicts passed; how to run it again</summary>
    <ul>${verdicts.map(verdictRow).join('')}</ul>
    <p>Run it again: <code>${escapeHtml(about.replay)}</code></p>
    <p class="soft">commit ${escapeHtml(about.commit)}; ${escapeHtml(about.options)}</p>
  </details>
</header>
${CONTROLS}
<main>
  <div id="pictures">
    <section class="strip"><canvas id="overview"></canvas></section>
    <section><canvas id="diagram" tabindex="0" aria-label="space-time diagram"></canvas></section>
    <p class="soft status"><span id="drawn"></span> · wheel: zoom · drag: move · keys: ← → + − 0 Home End; n, p: next, previous election · point at an arrow to read it</p>
    <section id="close-up-section"><h2 id="close-up-title"></h2><canvas id="close-up" aria-label="close-up of an election"></canvas></section>
    <section id="keys">
      <h2>Operations on one key <select id="key" aria-label="key"></select></h2>
      <div id="key-verdict"></div>
      <canvas id="operations"></canvas>
      ${OPERATIONS_LEGEND}
    </section>
  </div>
  <aside>
    <h2>What happens here <label class="soft"><input type="checkbox" id="log"> with log lines</label></h2>
    <div id="story"></div>
    <h2 id="links-title"></h2>
    <div id="links"></div>
    <h2>A leader change in messages</h2>
    <div id="legend-kinds"></div>
  </aside>
</main>
${LEGEND}
<div id="tooltip"></div>
<script type="application/json" id="data">${embeddedJson(data)}</script>
<script>${script}</script>
</body>
</html>
`;
}

function counted(id: string, count: number, noun: string): readonly [string, string, string] {
  return [id, count.toLocaleString('en'), count === 1 ? noun : `${noun}s`];
}

function verdictRow({ name, passed, detail }: PageData['verdicts'][number]): string {
  const mark = passed ? '<b class="fine">✓</b>' : '<b class="bad">✗</b>';
  const text = detail === '' ? '' : `<div class="detail">${escapeHtml(detail)}</div>`;
  return `<li>${mark} ${escapeHtml(name)}${text}</li>`;
}

const CONTROLS = `<nav>
  <label>Group <select id="group"></select></label>
  <label><input type="checkbox" id="heartbeats"> heartbeats</label>
  <label><input type="checkbox" id="clients"> client messages</label>
  <span class="buttons"><button id="earlier" title="earlier">←</button><button id="zoom-in" title="zoom in">+</button><button id="zoom-out" title="zoom out">−</button><button id="later" title="later">→</button><button id="whole">whole run</button><button id="home">back to the opening</button></span>
  <span>Jump to
  <select id="jump-elections" aria-label="elections"><option value="">elections</option></select>
  <select id="jump-faults" aria-label="faults"><option value="">faults</option></select>
  <select id="jump-violations" aria-label="violations"><option value="">violations</option></select></span>
  <span class="soft" id="opening"></span>
</nav>`;

const OPERATIONS_LEGEND = `<p class="soft">A bar reaches from the call of an operation to its answer. <b class="mark">◆</b> is the moment at which it takes effect in the order that was found, with its number in that order; the thin line follows the order. <i class="bar read"></i> read <i class="bar write"></i> write <i class="bar unknown"></i> no answer: may take effect later, or never <i class="bar failed"></i> certainly not applied <i class="bar stuck"></i> fits nowhere</p>`;

const LEGEND = `<section id="legend">
  <div><h2>How to read the diagram</h2>
    <p>Each line is a node, time runs to the right, and an arrow is a message, from the moment it is sent to the moment it arrives. A ballot such as <b>3.n2</b> is number 3 of the node n2; of two ballots the higher one wins. Where ballots call a node otherwise, because the nodes joined in another order, the left margin tells.</p>
    <p class="keys"><span><i class="box leads"></i> the node leads</span> <span><i class="box leads faint"></i> thinks it leads, but a higher ballot does</span> <span><i class="box phase1"></i> phase 1: somebody asks for promises</span> <span><i class="box phase2"></i> phase 2, up to the new leader’s first decision</span> <span><i class="box fault"></i> a fault lasts</span> <span><b class="bad">×</b> a message does not arrive at the line it goes to</span> <span><i class="tick"></i> the node learns that entries are decided</span></p>
    <p>Under “all groups” each group has a stripe: <span id="legend-groups"></span></p>
  </div>
  <div><h2>Other messages</h2><div id="legend-others"></div></div>
</section>`;

const STYLE = `
*{box-sizing:border-box}
body{margin:0;padding:14px 20px 40px;font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:#1d2733;background:#fff}
h1{font-size:20px;margin:0 0 2px}h2{font-size:14px;margin:14px 0 6px}p{margin:4px 0}
.passed,.failed{font-size:13px;padding:3px 9px;border-radius:4px;color:#fff;background:#2b8a3e;vertical-align:2px}.failed{background:#c92a2a}
.figures span{margin-right:18px;color:#5f6d7c}.figures b{color:#1d2733;font-size:16px}
.soft{color:#5f6d7c;font-size:13px}.bad{color:#c92a2a}.fine{color:#2b8a3e}.mark{color:#2b8a3e}
details summary{cursor:pointer;color:#5f6d7c}#verdicts ul{list-style:none;margin:6px 0;padding:0;columns:2;column-gap:40px}#verdicts li{break-inside:avoid}
.detail{color:#5f6d7c;font-size:13px;margin-left:18px;white-space:pre-wrap;overflow-wrap:anywhere}
code{background:#f2f4f7;padding:2px 6px;border-radius:4px;overflow-wrap:anywhere}
nav{position:sticky;top:0;z-index:2;background:#fff;display:flex;flex-wrap:wrap;gap:6px 16px;align-items:center;padding:8px 0;border-bottom:1px solid #dde2e7;margin-bottom:8px}
select,button{font:inherit;font-size:13px;padding:3px 7px;border:1px solid #c3cad2;border-radius:4px;background:#fff;color:inherit;max-width:220px}
button{cursor:pointer}button:hover{background:#f2f4f7}.buttons button{margin-right:3px}
main{display:grid;grid-template-columns:minmax(0,1fr) clamp(310px,24vw,430px);gap:22px}
#pictures{min-width:0}section{min-width:0}canvas{display:block}
#diagram,#operations,#close-up{cursor:grab;touch-action:none}#overview{cursor:ew-resize;touch-action:none}.grabbing{cursor:grabbing!important}
#diagram:focus{outline:1px solid #c3cad2}
.strip{margin-bottom:6px}.status{margin:4px 0 0}
aside h2:first-child{margin-top:0;display:flex;justify-content:space-between;align-items:baseline}h2 .soft{font-weight:400}
#story{max-height:540px;overflow:auto;border-top:1px solid #e3e8ee}
.row{display:grid;grid-template-columns:72px 1fr;gap:8px;width:100%;max-width:none;text-align:left;border:0;border-bottom:1px solid #eceff2;border-radius:0;padding:4px 2px 4px 6px;border-left:3px solid transparent}
.row .at{color:#5f6d7c;font-variant-numeric:tabular-nums}.row.fault,.row.violation{border-left-color:#c92a2a;background:#fff1f1}.row.healed{border-left-color:#8a94a0}
.row.election,.row.decision{font-weight:600}.row.election{border-left-color:#d9480f;background:#fff3df}.row.leader{border-left-color:#4c3fb1;background:#f1effb}.row.decision{border-left-color:#2b8a3e;background:#eaf6ec}.row.note .what{color:#5f6d7c}.row.earlier{opacity:.65}
.more{color:#5f6d7c;padding:6px}
#links svg{width:100%;max-width:320px;font-family:inherit}
#legend{display:grid;grid-template-columns:1fr 1fr;gap:8px 40px;border-top:1px solid #dde2e7;margin-top:12px}.keys span{margin-right:14px;display:inline-block}.faint{opacity:.3}
.kind{display:grid;grid-template-columns:26px 1fr;align-items:baseline;margin:0 0 5px;font-size:13px}.kind .line{height:3px;width:18px;align-self:start;margin-top:9px}.kind b{margin-right:6px}
.box{display:inline-block;width:22px;height:11px;vertical-align:-1px;border-radius:1px}.leads{background:#4c3fb1}.phase1{background:#fff3df;border-top:2px solid #b54708}.phase2{background:#f6eafa;border-top:2px solid #862e9c}.fault{background:#ffe3e3;border-left:3px solid #c92a2a}.tick{display:inline-block;width:1px;height:9px;background:#2b8a3e;margin:0 4px}
.swatch{border-left:12px solid;padding-left:5px;margin-right:12px}
.bar{display:inline-block;width:20px;height:12px;vertical-align:-2px;margin-left:6px}.bar.read{background:#d0e2f5}.bar.write{background:#ffdfb0}.bar.unknown{background:#f1e3f7}.bar.failed{background:#e7eaee}.bar.stuck{background:#ffb8b8;border:1.5px solid #c92a2a}
#keys,#close-up-section{border-top:1px solid #dde2e7;margin-top:10px}#keys select{max-width:420px;font-weight:400;margin-left:8px}
ul.stuck{margin:4px 0;padding-left:20px}
#tooltip{display:none;position:fixed;z-index:3;max-width:420px;background:#1d2733;color:#fff;font-size:12.5px;padding:7px 10px;border-radius:5px;pointer-events:none;overflow-wrap:anywhere}
#tooltip div:last-child:not(:nth-child(2)){color:#c3cad2}
`;
