// The doctor with the real parts of this process.
import path from 'node:path';
import { escapeControl } from '../../lib/format.ts';
import { systemClock } from '../../lib/time.ts';
import type { CommandEdge } from '../command-edge.ts';
import { compileAgentOptions } from '../options.ts';
import { examine, type Finding } from './doctor.ts';
import { formatFinding, type DoctorFlags } from './doctor-command.ts';

/** Exit status when something fails. */
const exitFailed = 1;
/** As a shell gives it for SIGINT. */
const exitStopped = 130;

/** Prints each finding as it is found. */
export async function runDoctor(flags: DoctorFlags, edge: CommandEdge): Promise<void> {
  const { environment, stdout, signals } = edge;
  const findings: Finding[] = [];
  const parts = {
    dataFolder: path.resolve(flags.data),
    options: () => compileAgentOptions({ ...flags, logLevel: 'silent' }, environment),
    sources: flags.source ?? [],
    destinations: flags.destination ?? [],
    clock: systemClock,
    signal: signals.drain,
  };
  try {
    for await (const finding of examine(parts)) {
      findings.push(finding);
      if (flags.json !== true) stdout.write(escapeLines(formatFinding(finding)));
      if (signals.drain.aborted) break;
    }
  } catch (thrown) {
    if (!signals.drain.aborted) throw thrown;
  }
  if (signals.drain.aborted) return edge.finish(exitStopped);
  const isGood = findings.every(({ state }) => state === 'ok' || state === 'warning');
  if (flags.json === true) stdout.write(`${JSON.stringify({ ok: isGood, findings })}\n`);
  edge.finish(isGood ? 0 : exitFailed);
}

/** Names of files and words of servers must not act on the terminal. */
function escapeLines(text: string): string {
  return text.split('\n').map(escapeControl).join('\n');
}
