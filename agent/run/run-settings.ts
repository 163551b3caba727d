import { ConflictPolicy, type TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import type { RunSettings } from '../pool/jobs.ts';

/** More would keep a thread for ever: each attempt waits twice as long as the one before. */
const attemptsMax = 10;

/** A run's settings as jobs take them: complete. */
export function runSettings(settings: TaskSettings | undefined): RunSettings {
  return {
    maxAttempts: Math.min(settings?.maxAttempts ?? 3, attemptsMax),
    conflictPolicy: settings?.conflictPolicy ?? ConflictPolicy.SKIP,
  };
}
