#!/usr/bin/env -S node --max-semi-space-size=16
// (Node 26 lets the young generation grow to 96 MiB, which this process only fills with pieces of bodies it is done with.)
// The edge of the emulator's process: options, output, signals, exit status.
import { createLog } from '../lib/log.ts';
import { type ProcessEdge, aborted, optionsOrStatus, runProcess } from '../lib/process-edge.ts';
import type { EmulatorDescription } from './emulator.ts';
import { parseEmulatorOptions, type ProcessOptions } from './options.ts';

/** Exit status of an emulator that was told to stop at once, as a shell gives it for SIGINT. */
const exitStopped = 130;

await runProcess('drover-emulator', process, main);

async function main(edge: ProcessEdge): Promise<number> {
  const options = optionsOrStatus(() =>
    parseEmulatorOptions(process.argv.slice(2), (text) => process.stderr.write(text)),
  );
  if (typeof options === 'number') return options;
  // Loaded when the options are good: it takes longer than saying that they are not.
  const { startEmulator } = await import('./emulator.ts');
  const log = createLog('drover-emulator', options.logLevel);
  const emulator = await startEmulator(options.emulator, { log });
  process.stdout.write(`${readyText(emulator.description, options)}\n`);
  await aborted(edge.drain);
  const closed = emulator.close().then(() => 0);
  return Promise.race([closed, aborted(edge.stop).then(() => exitStopped)]);
}

function readyText(description: EmulatorDescription, { json }: ProcessOptions): string {
  if (json) return JSON.stringify({ ready: true, ...description, pid: process.pid });
  const { url, http, proxy, ca, tenant, tenantDomain, clientId, clientSecret } = description;
  return [
    `The emulator of ${tenantDomain} listens on ${url} (without TLS: ${http})`,
    `  files in its drives    ${description.content}`,
    `  faults and counts      ${description.control}`,
    `  tenant                 ${tenant}`,
    `  application            ${clientId}`,
    `  its secret             ${clientSecret}`,
    `  sites                  ${description.sites.map((site) => site.url).join('\n                         ')}`,
    '',
    `Clients have to trust ${ca}:`,
    `  export NODE_EXTRA_CA_CERTS='${ca}' SSL_CERT_FILE='${ca}'`,
    "Clients that know only Microsoft's host names come here by the proxy:",
    `  export HTTPS_PROXY=${proxy} NODE_USE_ENV_PROXY=1`,
    `Others take ${description.authority} in place of https://login.microsoftonline.com, and`,
    `${description.graph} in place of https://graph.microsoft.com.`,
  ].join('\n');
}
