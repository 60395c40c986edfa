/**
 * Measured values for the reader of a test run.
 */
export function print(line: string): void {
  process.stdout.write(`  measured: ${line}\n`);
}
