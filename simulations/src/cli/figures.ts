/**
 * Figures as people read them.
 */

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `1 seed`, `2 seeds`. */
export function several(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

export function milliseconds(ms: number): string {
  return `${count(ms)} ms`;
}

/** Of a share from 0 to 1. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Simulated time per wall time; a dash where nothing was measured. */
export function speed(simulatedMs: number, wallMs: number): string {
  return wallMs === 0 ? '-' : count(simulatedMs / wallMs);
}

export function clockTime(date: Date): string {
  return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
