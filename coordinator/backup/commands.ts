// What `drover-coordinator backup`, `restore`, `check` and `fingerprint` do, and what they print.
import path from 'node:path';
import { escapeControl, formatBytes, formatCount } from '../../lib/format.ts';
import { systemClock } from '../../lib/time.ts';
import type { MaintenanceOptions } from '../options.ts';
import { checkStore, type StoreProblem } from '../store/check-store.ts';
import { openLevelStore } from '../store/level-store.ts';
import { readAuthorityFingerprint } from '../trust/authority-fingerprint.ts';
import { askForBackup } from './ask-for-backup.ts';
import { createBackup, type Backup } from './create-backup.ts';
import { storeFolder } from './data-files.ts';
import { restoreBackup } from './restore-backup.ts';

/** Exit status of a check that found something. */
const exitProblems = 1;
/** Exit status of a backup that was stopped, as a shell gives it for SIGINT. */
const exitStopped = 130;

/** Runs a command and answers with its exit status. Throws a DroverError when it could not be done. */
export async function runMaintenance(
  options: MaintenanceOptions,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<number> {
  switch (options.kind) {
    case 'backup':
      try {
        return await runBackup(options, print, signal);
      } catch (error) {
        if (signal.aborted) return exitStopped;
        throw error;
      }
    case 'restore':
      return runRestore(options, print);
    case 'check':
      return runCheck(options, print);
    case 'fingerprint': {
      const fingerprint = readAuthorityFingerprint(options.dataFolder);
      print(options.json ? JSON.stringify({ fingerprint }) : fingerprint);
      return 0;
    }
  }
}

type Of<K extends MaintenanceOptions['kind']> = Extract<MaintenanceOptions, { kind: K }>;
type Print = (line: string) => void;

async function runBackup(
  { dataFolder, to, json }: Of<'backup'>,
  print: Print,
  signal: AbortSignal,
) {
  const backup =
    (await askForBackup(dataFolder, to, signal)) ?? (await backupAlone(dataFolder, to, signal));
  const { folder, rows, bytes } = backup;
  if (json) print(JSON.stringify({ backup: folder, rows, bytes }));
  else print(`Backed up ${amount(rows, bytes)} to ${folder}`);
  return 0;
}

/** A backup of the store of a coordinator that does not run; that none is started meanwhile is what the store's lock is for. */
async function backupAlone(dataFolder: string, to: string, signal: AbortSignal): Promise<Backup> {
  await using store = await openLevelStore(path.join(dataFolder, storeFolder), { make: false });
  return await createBackup({ store, dataFolder, to, nowMs: systemClock.now(), signal });
}

async function runRestore({ dataFolder, from, json }: Of<'restore'>, print: Print) {
  const restored = await restoreBackup({ from, dataFolder, nowMs: systemClock.now() });
  const { manifest, openRuns, leases } = restored;
  const { rows, bytes, createTime } = manifest;
  if (json) {
    print(JSON.stringify({ data: dataFolder, rows, bytes, createTime, openRuns, leases }));
    return 0;
  }
  print(`Restored ${amount(rows, bytes)}, as they were at ${createTime}, to ${dataFolder}`);
  print(`  runs that go on when the coordinator starts  ${formatCount(openRuns)}`);
  print('Agents that joined after the backup have to join again; those that were removed after it are to be removed again. Join tokens are gone.'); // oxfmt-ignore
  return 0;
}

async function runCheck({ dataFolder, json }: Of<'check'>, print: Print) {
  let problems = 0;
  const report = ({ key, words }: StoreProblem) => {
    problems += 1;
    print(json ? JSON.stringify({ key, problem: words }) : `${printable(key)}: ${words}`);
  };
  const found = await checkStore(path.join(dataFolder, storeFolder), report);
  if (json) print(JSON.stringify({ data: dataFolder, problems, rows: found }));
  else {
    for (const [kind, rows] of Object.entries(found))
      print(`  ${kind.padEnd(12)} ${formatCount(rows)}`);
    print(problems === 0 ? `No problems in ${dataFolder}` : `${formatCount(problems)} ${problems === 1 ? 'problem' : 'problems'} in ${dataFolder}; bring a backup back with \`drover-coordinator restore\``); // oxfmt-ignore
  }
  return problems === 0 ? 0 : exitProblems;
}

function amount(rows: number, bytes: number): string {
  return `${formatCount(rows)} ${rows === 1 ? 'row' : 'rows'} (${formatBytes(bytes)})`;
}

/** Keys hold paths, in which the separator is a NUL. */
function printable(key: string): string {
  return escapeControl(key.replaceAll('\0', '/'));
}
