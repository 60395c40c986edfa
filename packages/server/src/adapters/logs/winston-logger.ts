/**
 * The Logger port on winston: readable lines for people, one JSON object per line for programs; always on stderr.
 */
import type { LogFields, Logger } from '@kvorum/common';
import winston from 'winston';
import type { LogFormat, LogLevel } from './log-options.ts';
import { logLevels } from './log-options.ts';

export interface ProcessLogger extends Logger {
  /** Calls back once everything is written. */
  end(done: () => void): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Only text has colours. */
  readonly color: boolean;
}

export function createLogger({ level, format, color }: LoggerOptions): ProcessLogger {
  const logger = winston.createLogger({
    level,
    format: format === 'text' ? textFormat(level, color) : jsonFormat(),
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

function jsonFormat(): winston.Logform.Format {
  return winston.format.combine(winston.format.timestamp(), winston.format.json());
}

/** The message says it all; fields are for programs, and a stack for whoever asks for everything. */
function textFormat(level: LogLevel, color: boolean): winston.Logform.Format {
  const { combine, timestamp, printf, colorize } = winston.format;
  const line = printf(({ level: name, message, timestamp: time, stack }) => {
    const text = `${String(time)} ${name} ${String(message)}`;
    return level === 'debug' && typeof stack === 'string' ? `${text}\n${stack}` : text;
  });
  return combine(timestamp({ format: 'HH:mm:ss.SSS' }), ...(color ? [colorize()] : []), line);
}
