#!/usr/bin/env -S node --max-semi-space-size=4
// (Node 26 lets the young generation grow to 96 MiB, which this process only fills with frames it is done with.)
// The edge of the agent's process: environment, streams, signals, exit status.
import { CommanderError } from 'commander';
import { exitCannotStart, runProcess, type ProcessEdge } from '../lib/process-edge.ts';
import { runProgram } from './program.ts';

/** Taken out of the process's own environment at once, so that nothing it starts, and no report about it, holds them. */
const secretVariables = ['DROVER_INVITATION', 'DROVER_JOIN_TOKEN', 'DROVER_CLIENT_SECRET'];

await runProcess('drover-agent', process, main);

async function main(signals: ProcessEdge): Promise<number> {
  const environment = { ...process.env };
  for (const name of secretVariables) delete process.env[name];
  let status = 0;
  const { stdin, stdout, stderr } = process;
  const finish = (given: number) => void (status = given);
  try {
    await runProgram(process.argv.slice(2), {
      environment,
      stdin,
      stdout,
      stderr,
      signals,
      finish,
    });
  } catch (error) {
    // Commander has said all there is to say: help, the version, or what is wrong with a flag.
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : exitCannotStart;
  }
  return status;
}
