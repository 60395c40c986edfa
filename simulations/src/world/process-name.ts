/**
 * What people read of a process, in traces, complaints, faults, stories and the report: its node's name in the cluster. Ids are
 * given by the order in which nodes check in, and that is the order of the processes, unless a scenario starts them in
 * another one; then the trace says once which node a process is.
 */
import { nodeName } from '@kvorum/common';

/** Clients are numbered from here on. */
export const FIRST_CLIENT = 1000;

export function isClient(process: number): boolean {
  return process >= FIRST_CLIENT;
}

export function processName(process: number): string {
  return isClient(process) ? `client-${process - FIRST_CLIENT}` : nodeName(process + 1);
}

/** Of the processes that a fault strikes, in a world with so many nodes. */
export function processNames(processes: readonly number[], nodes: number): string {
  return processes.length === nodes && !processes.some(isClient) ? 'all' : processes.map(processName).join(', ');
}
