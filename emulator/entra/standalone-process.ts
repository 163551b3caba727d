// Sign-in alone as a process: tests of the agent start it, because no part of Drover reaches into another. Its one argument is
// the options as JSON; it prints where it listens and what is to be trusted, and ends when its standard input does.
import { text } from 'node:stream/consumers';
import type { EntraOptions } from './entra.ts';
import { startStandalone } from './standalone.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as Omit<EntraOptions, 'now'>;
await using server = await startStandalone({ ...options, now: () => Date.now() });
const { port, certificate } = server;
process.stdout.write(`${JSON.stringify({ port, certificate })}\n`);
await text(process.stdin);
