/**
 * A Logger that does not repeat itself: of events of the same kind about the same subject one line per interval is written,
 * and at its end one more with the number of the rest. A link that flaps must not fill a disk, nor hide what else happens.
 *
 * Only lines with a field `event` are throttled; `peer` and `group`, where there are any, are the subject. Who leaves them out
 * has one line for all of them. State: the subjects of which something was written in the last interval.
 */
import type { Clock, LogFields, Logger } from '@kvorum/common';

export const INTERVAL_MS = 10_000;
/** Subjects watched at once: nodes and groups, times kinds of events. Beyond it a kind of event is one subject. */
const SUBJECTS_MAX = 4096;

type Level = 'debug' | 'info' | 'warn' | 'error';

interface Repeated {
  /** Since the last line. */
  count: number;
  level: Level;
  message: string;
  fields: LogFields;
}

export interface ThrottledLogger extends Logger {
  /** Writes now what is counted: the process ends. */
  flush(): void;
}

export function throttledLogger(logger: Logger, clock: Clock, intervalMs = INTERVAL_MS): ThrottledLogger {
  const subjects = new Map<string, Repeated>();

  const tellRest = ({ count, level, message, fields }: Repeated): void => {
    const period = `${intervalMs / 1000} s`;
    logger[level](`${message} … and ${count} more like it in the last ${period}`, { ...fields, repeated: count });
  };
  const endInterval = (subject: string): void => {
    const repeated = subjects.get(subject);
    if (repeated === undefined) return;
    if (repeated.count === 0) {
      subjects.delete(subject);
      return;
    }
    tellRest(repeated);
    repeated.count = 0;
    clock.setTimer(intervalMs, () => endInterval(subject));
  };
  const write = (level: Level) => (message: string, fields?: LogFields) => {
    const event = fields?.['event'];
    if (fields === undefined || event === undefined) {
      logger[level](message, fields);
      return;
    }
    const exact = `${event} ${fields['peer'] ?? ''} ${fields['group'] ?? ''}`;
    const subject = subjects.has(exact) || subjects.size < SUBJECTS_MAX ? exact : String(event);
    const repeated = subjects.get(subject);
    if (repeated !== undefined) {
      Object.assign(repeated, { level, message, fields, count: repeated.count + 1 });
      return;
    }
    subjects.set(subject, { count: 0, level, message, fields });
    logger[level](message, fields);
    clock.setTimer(intervalMs, () => endInterval(subject));
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    flush: () => {
      for (const repeated of subjects.values()) if (repeated.count > 0) tellRest(repeated);
      subjects.clear();
    },
  };
}
