/**
 * The Logger port on winston: readable lines on a terminal, one JSON object per line otherwise; always on stderr.
 */
import type { LogFields, Logger } from '@kvorum/common';
import winston from 'winston';

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface ProcessLogger extends Logger {
  /** Calls back once everything is written. */
  end(done: () => void): void;
}

export function createLogger(level: LogLevel, readable: boolean): ProcessLogger {
  const { combine, timestamp, printf, json, colorize, errors } = winston.format;
  const line = printf(({ level: name, message, timestamp: time }) => `${String(time)} ${name} ${String(message)}`);
  const color = process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb';
  const format = readable
    ? combine(timestamp({ format: 'HH:mm:ss.SSS' }), ...(color ? [colorize()] : []), line)
    : combine(errors({ stack: true }), timestamp(), json());
  const logger = winston.createLogger({
    level,
    format,
    transports: [new winston.transports.Console({ stderrLevels: [...logLevels] })],
  });
  // winston formats even what it then drops.
  const write = (name: LogLevel) => (message: string, fields?: LogFields) => {
    if (logger.isLevelEnabled(name)) logger.log(name, message, fields);
  };
  return {
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    end: (done) => {
      logger.on('finish', done);
      logger.end();
    },
  };
}
