/** Measured figures are printed, never asserted: they depend on the machine. */
export function report(line: string): void {
  // eslint-disable-next-line no-console -- the figures are what the run is for
  console.info(line);
}
