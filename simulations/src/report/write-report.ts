/**
 * One self-contained page for a run.
 */
import { pageScript } from './page-script.ts';
import { pageShell } from './page-shell.ts';
import type { Recording } from './recording.ts';
import { reportData } from './report-data.ts';

/** The page as HTML. It asks for nothing from outside, so it can be kept and sent as a file. */
export function writeReport(recording: Recording): string {
  return pageShell(reportData(recording), pageScript());
}
