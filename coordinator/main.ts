#!/usr/bin/env -S MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=1048576 node --min-semi-space-size=16 --max-semi-space-size=16 --no-parallel-scavenge --heap-growing-percent=50
// (Node 26 lets the young generation grow to 96 MiB, which this process only fills with frames it is done with; with 12 MiB what a batch
// needs is still in use at every second collection and is copied, a third of all processor time. It has its size from the beginning, so
// that a long run does not look as if it grew. The old one it lets grow to several
// times what is in use before it looks: growing by half at a time keeps the memory of a long run that of a short one.
// To wake other threads for a collection of the young generation takes longer than the collection: a tenth of all processor time of a large report.
// glibc keeps what was freed in an arena for each thread; with one for all of them a tenth less is kept. And whenever a large piece is freed it
// takes larger ones from the heap from then on, where they leave holes; with a fixed bound pages and results stay out of it, which is 5 % less.)
// The edge of the coordinator's process: options, output, signals, exit status.
import { createLog } from '../lib/log.ts';
import { type ProcessEdge, aborted, optionsOrStatus, runProcess } from '../lib/process-edge.ts';
import type { Coordinator } from './coordinator.ts';
import { readAuthorityFingerprint } from './trust/authority-fingerprint.ts';
import { parseCoordinatorOptions, type ServeOptions } from './options.ts';

/** Exit status of a coordinator that was told to stop at once, as a shell gives it for SIGINT. */
const exitStopped = 130;

await runProcess('drover-coordinator', process, main);

async function main(edge: ProcessEdge): Promise<number> {
  const options = optionsOrStatus(() =>
    parseCoordinatorOptions(
      process.argv.slice(2),
      (text) => process.stderr.write(text),
      process.env,
    ),
  );
  if (typeof options === 'number') return options;
  // The rest is loaded when the options are good: it takes longer than saying that they are not.
  if (options.kind !== 'serve') {
    const { runMaintenance } = await import('./backup/commands.ts');
    return runMaintenance(options, (line) => process.stdout.write(`${line}\n`), edge.drain);
  }
  const { startCoordinator } = await import('./coordinator.ts');
  const log = createLog('drover-coordinator', options.logLevel);
  const coordinator = await startCoordinator(options.coordinator, { log });
  process.stdout.write(`${readyText(coordinator, options)}\n`);
  await aborted(edge.drain);
  const closed = coordinator.close().then(() => 0);
  return Promise.race([closed, aborted(edge.stop).then(() => exitStopped)]);
}

function readyText(coordinator: Coordinator, { json }: ServeOptions): string {
  const {
    connection,
    connectionFile,
    agentAddresses,
    dataFolder: data,
    metricsAddress,
  } = coordinator;
  const fingerprint = readAuthorityFingerprint(data);
  if (json)
    return JSON.stringify({ ready: true, ...connection, fingerprint, connectionFile, agentAddresses, data, pid: process.pid, metricsAddress }); // oxfmt-ignore
  return [
    `The coordinator listens on ${connection.address} and keeps its data in ${data}`,
    `  agents find it at      ${agentAddresses.join(', ')}`,
    `  certificate authority  ${connection.authorityFile}`,
    `  its fingerprint        ${fingerprint}`,
    `  administrator's token  ${connection.tokenFile}`,
    ...(metricsAddress === undefined ? [] : [`  metrics                ${metricsAddress}`]),
  ].join('\n');
}
