#!/usr/bin/env node
// The entry AttachResponse of `npm run fuzz`: a process of its own, because what is in it is the agent's.
import { Command } from 'commander';
import { wholeNumber } from '../../lib/option-values.ts';
import { pesterAgent } from './pester-agent.ts';

const { seed, messages } = new Command('fuzz-agent')
  .requiredOption('--seed <number>', 'repeats the choices', wholeNumber(0, 2 ** 32 - 1))
  .requiredOption('--messages <number>', 'how many frames', wholeNumber(1, 100_000_000))
  .allowExcessArguments(false)
  .parse()
  .opts<{ seed: number; messages: number }>();
const { problems, streams, answers } = await pesterAgent({ seed, messages });
const kinds = [...answers].map(([kind, count]) => `${kind} ${count}`).join(', ');
console.log(`${messages} frames in ${streams} streams, ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB: ${kinds}`); // oxfmt-ignore
for (const problem of problems) console.log(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
