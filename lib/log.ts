// Logs are JSON lines on standard error; a person reads standard output.
import { pino, type Logger } from 'pino';

export type { Logger };

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A log of one process. Values under the names of secrets are never written. */
export function createLog(name: string, level: LogLevel): Logger {
  return pino(
    {
      name,
      level,
      redact: ['token', 'secret', 'privateKey', 'authorization', '*.token', '*.secret'],
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
