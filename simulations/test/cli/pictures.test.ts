/** A run is drawn without being changed. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writePictures } from '../../src/cli/pictures.ts';
import type { Run, Scenario } from '../../src/run/run.ts';
import { runScenario } from '../../src/run/run.ts';

const scenario: Scenario = {
  name: 'short',
  summary: 'for a test',
  nodes: 3,
  partitions: 1,
  seconds: 1,
  run(run) {
    run.form();
    run.startLoad();
    run.nemesis.crash(0);
    run.world.runFor(run.durationMs);
    run.heal();
    run.finish({ okShareMin: 0.1 });
  },
};

const broken: Scenario = {
  ...scenario,
  run: (run: Run) => {
    run.form();
    run.require(false, 'it broke before its load began');
  },
};

it.each([scenario, broken])('writes the files, and is the same run as without them', (drawn) => {
  const folder = mkdtempSync(join(tmpdir(), 'pictures-'));
  try {
    const options = { seed: 3, seconds: 1, without: [7] };
    const files = { report: join(folder, 'run.html'), shiviz: join(folder, 'run.log') };
    const { traceHash, written, problems } = writePictures(drawn, options, 'abc1234', files);
    expect(traceHash).toBe(runScenario(drawn, options).traceHash);
    expect([written, problems]).toEqual([[files.report, files.shiviz], []]);
    expect(readFileSync(files.report, 'utf8')).toContain('--scenario short --seed 3 --without 7 --trace');
    expect(readFileSync(files.shiviz, 'utf8')).toContain('n1');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
