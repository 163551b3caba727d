#!/usr/bin/env -S node --max-semi-space-size=4
// (Node 26 lets the young generation grow to 96 MiB, which this process only fills with frames it is done with.)
// The edge of the agent's process: options, output, exit status.
import { createLog } from '../lib/log.ts';
import { type ProcessEdge, optionsOrStatus, runProcess } from '../lib/process-edge.ts';
import { systemClock } from '../lib/time.ts';
import type { ReadyAgent } from './agent.ts';
import { parseAgentOptions, type AgentOptions } from './options.ts';

/** Exit status of an agent that was told to stop at once, as a shell gives it for SIGINT. */
const exitStopped = 130;

await runProcess('drover-agent', process, main);

async function main(edge: ProcessEdge): Promise<number> {
  const options = optionsOrStatus(() => parseAgentOptions(process.argv.slice(2), process.env));
  if (typeof options === 'number') return options;
  // The rest is loaded when the options are good: it takes longer than saying that they are not.
  const { runAgent } = await import('./agent.ts');
  const { createPool } = await import('./pool/piscina-pool.ts');
  const log = createLog('drover-agent', options.logLevel);
  const parts = {
    createPool,
    clock: systemClock,
    log,
    // To a person, and not into the log: whoever reads it could sign in with it as somebody else.
    showDeviceCode: (message: string) => void process.stderr.write(`${message}\n`),
  };
  const outcome = await runAgent(options, parts, edge, (ready) =>
    process.stdout.write(`${readyLine(ready, options)}\n`),
  );
  return outcome === 'drained' ? 0 : exitStopped;
}

function readyLine({ agent, coordinator, slots }: ReadyAgent, options: AgentOptions): string {
  const { dataFolder: data, threads } = options;
  if (options.json)
    return JSON.stringify({ ready: true, agent, coordinator, data, slots, pid: process.pid });
  return `${agent} is attached to ${coordinator}, works with ${threads} threads and keeps its data in ${data}`;
}
