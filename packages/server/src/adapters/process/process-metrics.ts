/**
 * What the process itself says: memory, processor time, its event loop, room on its disk.
 */
import { statfs } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { Clock, Metrics } from '@kvorum/common';
import { LoopWatch } from './loop-watch.ts';

const DISK_PERIOD_MS = 10_000;

export interface ProcessMetrics {
  readonly loop: LoopWatch;
  /** Takes down what is only worth looking at when somebody asks. */
  collect(): void;
}

export function watchProcess(metrics: Metrics, clock: Clock, dataDirectory: string): ProcessMetrics {
  const resident = metrics.gauge('resident_memory_bytes');
  const heap = metrics.gauge('heap_bytes');
  const processor = metrics.counter('cpu_seconds_total');
  metrics.gauge('node_start_time_seconds').set(clock.wallMs() / 1000 - process.uptime());
  watchDisk(metrics, clock, dataDirectory);
  let processorSeconds = 0;
  return {
    loop: watchLoop(metrics, clock),
    collect: () => {
      const { rss, heapUsed } = process.memoryUsage();
      resident.set(rss);
      heap.set(heapUsed);
      const { user, system } = process.cpuUsage();
      const total = (user + system) / 1e6;
      processor.add(total - processorSeconds);
      processorSeconds = total;
    },
  };
}

function watchLoop(metrics: Metrics, clock: Clock): LoopWatch {
  const utilization = metrics.gauge('loop_utilization_ratio');
  const stoodStill = metrics.counter('stood_still_seconds_total');
  let last = performance.eventLoopUtilization();
  const sinceLast = (): number => {
    const now = performance.eventLoopUtilization();
    const ratio = performance.eventLoopUtilization(now, last).utilization;
    last = now;
    return ratio;
  };
  return new LoopWatch(clock, sinceLast, (ratio, stoodStillMs) => {
    utilization.set(ratio);
    stoodStill.add(stoodStillMs / 1000);
  });
}

function watchDisk(metrics: Metrics, clock: Clock, directory: string): void {
  const free = metrics.gauge('disk_free_bytes');
  const look = (): void => {
    // What cannot be read stays as it was: a disk that is gone shows elsewhere.
    statfs(directory, (error, stats) => {
      if (error === null) free.set(stats.bavail * stats.bsize);
      clock.setTimer(DISK_PERIOD_MS, look);
    });
  };
  look();
}
