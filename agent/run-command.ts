// `drover-agent run`: the agent with the real parts of this process.
import { createLog } from '../lib/log.ts';
import { systemClock } from '../lib/time.ts';
import { runAgent, type ReadyAgent } from './agent.ts';
import type { CommandEdge } from './command-edge.ts';
import type { AgentOptions } from './options.ts';
import { createPool } from './pool/piscina-pool.ts';
import type { ShareConnector } from './source/share-connector.ts';

/** Exit status of an agent that was told to stop at once, as a shell gives it for SIGINT. */
const exitStopped = 130;

/** Runs until it is told to end. Throws as `runAgent`. */
export async function runCommand(options: AgentOptions, edge: CommandEdge): Promise<void> {
  const parts = {
    createPool,
    clock: systemClock,
    log: createLog('drover-agent', options.logLevel),
    // To a person, and not into the log: whoever reads it could sign in with it as somebody else.
    showDeviceCode: (message: string) => void edge.stderr.write(`${message}\n`),
    shares: await platformShares(),
  };
  const outcome = await runAgent(options, parts, edge.signals, (ready) =>
    edge.stdout.write(`${readyLine(ready, options)}\n`),
  );
  edge.finish(outcome === 'drained' ? 0 : exitStopped);
}

/** Loaded where it is of use only. */
async function platformShares(): Promise<ShareConnector | undefined> {
  if (process.platform !== 'win32') return undefined;
  return (await import('./source/windows-shares.ts')).windowsShares();
}

function readyLine({ agent, coordinator, slots }: ReadyAgent, options: AgentOptions): string {
  const { dataFolder: data, threads } = options;
  if (options.json)
    return JSON.stringify({ ready: true, agent, coordinator, data, slots, pid: process.pid });
  return `${agent} is attached to ${coordinator}, works with ${threads} threads and keeps its data in ${data}`;
}
