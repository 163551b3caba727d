#!/usr/bin/env node
// The process of the command line: words, environment, standard streams and signals in, exit status
// out.
import { apiFiles } from '../../gen/api.ts';
import { docs } from '../../gen/docs.ts';
import { runProcess } from '../../lib/process-edge.ts';
import { systemClock, type Clock } from '../../lib/time.ts';
import { runCommandLine } from './command-line.ts';
import { streamOutput } from './output.ts';

// Unlike the servers' clock, a timer of this one keeps the process alive: while a call waits to be
// repeated there is nothing else.
const clock: Clock = {
  ...systemClock,
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

await runProcess('drover', process, ({ drain }) =>
  runCommandLine({
    words: process.argv.slice(2),
    environment: process.env,
    files: apiFiles,
    docs,
    stdin: process.stdin,
    stdout: streamOutput(process.stdout),
    stderr: streamOutput(process.stderr),
    clock,
    signal: drain,
    isInteractive: process.stdin.isTTY && process.stderr.isTTY,
  }),
);
