#!/usr/bin/env node
// `npm run fuzz`: a real coordinator gets random and damaged messages at every entry, and so does an agent. They must not crash, hang or
// grow, and the coordinator must say of each message what is right to say; at the end its store has to be whole.
import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:http2';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { wholeNumber } from '../lib/option-values.ts';
import { connectApi } from './api-client.ts';
import { joinAll } from './bench-join.ts';
import { Random } from './chaos-random.ts';
import { FuzzClient, NoAnswer, type Answer } from './fuzz-client.ts';
import { callEntries, floodEntry, sessionEntry, type Entry } from './fuzz-entries.ts';
import { beSlow } from './fuzz-slow.ts';
import { startCoordinator, type CoordinatorReady } from './local-stack.ts';
import type { LocalProcess } from './local-process.ts';
import { runProgram } from './program.ts';

const root = path.dirname(import.meta.dirname);
const callsAtOnceMax = 16;
/** A connection costs more than some messages, so that few of them have few. */
const messagesPerConnection = 8;
const sessionAgents = 4;
/** How much more memory than after the first fifth of the messages may be in use at the end: what was kept on purpose is small. */
const growthMax = 1.5;
/** What a store, its caches and a heap that was not collected yet may take besides. */
const growthFreeMiB = 96;
/** An agent's way in. */
const agentEntry = 'drover.v1.AttachResponse';
const agentTimeoutMs = 3_600_000;
const closeGraceMs = 20_000;

/**
 * What gRPC itself answers with INTERNAL: a message that cannot be parsed or decompressed (https://grpc.github.io/grpc/core/md_doc_statuscodes.html).
 * Connect sends the same as HTTP 500.
 */
const unreadable = /^(parse binary|received compressed envelope)/;

/** gRPC's codes that say that the receiver was surprised: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const surprised = new Set([2, 4, 13, 14, 15]);

const command = new Command('npm run fuzz --')
  .description(
    'Sends random and damaged messages to every entry of a real coordinator, and to an agent.',
  )
  .option(
    '--seed <number>',
    'repeats the choices of an earlier run (default: another one each time)',
    wholeNumber(0, 2 ** 32 - 1),
  ) // oxfmt-ignore
  .option('--messages <number>', 'how many at each entry', wholeNumber(1, 100_000_000), 100_000)
  .option('--only <word>', 'only entries whose name holds the word')
  .allowExcessArguments(false)
  .parse();
process.exitCode = await main(command.opts());

async function main(options: { seed?: number; messages: number; only?: string }): Promise<number> {
  const seed = options.seed ?? randomInt(2 ** 32 - 1);
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-fuzz-'));
  const data = path.join(folder, 'coordinator');
  console.log(`seed ${seed}, ${options.messages} messages at each entry`);
  const problems: string[] = [];
  try {
    await using coordinator = await startCoordinator({
      data,
      arguments: ['--calls-per-second', '0', '--log-level', 'warn'],
    });
    await fuzz(coordinator, folder, { ...options, seed }, problems);
    if (agentEntry.includes(options.only ?? '')) problems.push(...(await pesterAgent(seed, options.messages))); // oxfmt-ignore
    const exit = await coordinator.stop(closeGraceMs);
    if (exit.code !== 0) problems.push(`the coordinator ended with ${JSON.stringify(exit)}`);
    problems.push(...surprisesIn(readFileSync(coordinator.logFile, 'utf8')));
    const check = await runProgram(process.execPath, [path.join(root, 'coordinator', 'main.ts'), '--data', data, 'check'], { folder: root, timeoutMs: 600_000 }); // oxfmt-ignore
    if (check.status !== 0) problems.push(`drover-coordinator check: ${check.all}`);
  } catch (error) {
    problems.push(String(error));
  }
  for (const problem of problems) console.log(`  wrong: ${problem}`);
  if (problems.length === 0) rmSync(folder, { recursive: true, force: true });
  else
    console.log(
      `${problems.length} problems with seed ${seed}; logs and data are kept in ${folder}`,
    );
  return problems.length === 0 ? 0 : 1;
}

async function fuzz(
  coordinator: LocalProcess<CoordinatorReady>,
  folder: string,
  { seed, messages, only = '' }: { seed: number; messages: number; only?: string },
  problems: string[],
): Promise<void> {
  const { address, authorityFile, tokenFile } = coordinator.ready;
  const ca = readFileSync(authorityFile);
  const api = connectApi(coordinator.ready);
  const words = await makeThings(api, folder);
  const { token: joinToken } = await api.joinTokens.createJoinToken({ maxUses: sessionAgents });
  const identities = await joinAll({ address, authorityFile, joinToken }, sessionAgents);
  const administrator = () => new FuzzClient(address, { ca, token: readFileSync(tokenFile, 'utf8').trim() }); // oxfmt-ignore
  const stranger = () => new FuzzClient(address, { ca });
  for (const entry of callEntries(words)) {
    if (!entry.name.includes(only)) continue;
    // Whoever joins has no credential; of everything else an administrator gets furthest.
    const isAgents = /EnrollmentService/.test(entry.name);
    await pesterAll(entry, Array.from({ length: callsAtOnce(messages) }, isAgents ? stranger : administrator), coordinator, { seed, messages }, problems); // oxfmt-ignore
    await api.settings.getSettings({});
  }
  if (only === '') problems.push(...(await beSlow(address, () => api.settings.getSettings({}))));
  if (!floodEntry.name.includes(only)) return;
  const agents = identities.map(({ certificate, privateKey }) => () => new FuzzClient(address, { ca, identity: { cert: certificate, key: privateKey } })); // oxfmt-ignore
  await runTasks(api, folder);
  for (const entry of [sessionEntry, floodEntry])
    if (entry.name.includes(only))
      await pesterAll(entry, agents.map((make) => make()), coordinator, { seed, messages }, problems); // oxfmt-ignore
  await api.settings.getSettings({});
}

function callsAtOnce(messages: number): number {
  return Math.min(callsAtOnceMax, Math.ceil(messages / messagesPerConnection));
}

/** What an agent gets from a coordinator, in a process of the agent's. */
async function pesterAgent(seed: number, messages: number): Promise<string[]> {
  const script = path.join(root, 'agent', 'testing', 'fuzz-agent.ts');
  const { status, all } = await runProgram(process.execPath, [script, '--seed', String(seed), '--messages', String(messages)], { folder: root, timeoutMs: agentTimeoutMs }); // oxfmt-ignore
  const [summary = '', ...problems] = all.trim().split('\n');
  console.log(`${agentEntry}: ${summary}`);
  return status === 0 ? [] : [`${agentEntry}: it ended with ${status}: ${problems.join('\n')}`];
}

async function pesterAll(
  entry: Entry,
  clients: FuzzClient[],
  coordinator: LocalProcess<CoordinatorReady>,
  { seed, messages }: { seed: number; messages: number },
  problems: string[],
): Promise<void> {
  const counts = new Map<string, number>();
  let sent = 0;
  let earlyMiB = 0;
  let gone = false;
  const startMs = performance.now();
  void coordinator.exited.then(() => (gone = true));
  const work = clients.map(async (client, number) => {
    using closing = client;
    const random = new Random(seed).fork(`${entry.name} ${number}`);
    while (sent < messages && !gone) {
      try {
        const { messages: count, answer } = await entry.pester(closing, random);
        sent += count;
        if (answer.reset === constants.NGHTTP2_ENHANCE_YOUR_CALM) client.leave();
        const status = statusOf(answer);
        counts.set(status, (counts.get(status) ?? 0) + 1);
        if (isSurprise(answer) && problems.length < 100)
          problems.push(`${entry.name}: ${status}: ${answer.message}`);
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        sent += 1;
        problems.push(error.message);
      }
      if (earlyMiB === 0 && sent >= messages / 5) earlyMiB = residentMiB(coordinator.pid);
    }
  });
  await Promise.all(work);
  if (gone) throw new Error(`${entry.name}: the coordinator is gone`);
  const lateMiB = residentMiB(coordinator.pid);
  if (lateMiB > earlyMiB * growthMax + growthFreeMiB)
    problems.push(`${entry.name}: the coordinator grew from ${earlyMiB} to ${lateMiB} MiB`);
  const seconds = (performance.now() - startMs) / 1000;
  const summary = [...counts].sort(([, one], [, other]) => other - one).map(([status, count]) => `${status} ${count}`); // oxfmt-ignore
  console.log(`${entry.name}: ${sent} in ${seconds.toFixed(1)} s, ${lateMiB} MiB: ${summary.join(', ')}`); // oxfmt-ignore
}

function statusOf({ http, grpc, reset }: Answer): string {
  if (grpc !== undefined) return `grpc ${grpc}`;
  return http === 0 ? `reset ${reset}` : `http ${http}`;
}

function isSurprise({ http, grpc, message, reset }: Answer): boolean {
  if (unreadable.test(message) || reset === constants.NGHTTP2_ENHANCE_YOUR_CALM) return false;
  return grpc === undefined ? http >= 500 || http === 0 : surprised.has(grpc);
}

/** Things to name in messages, so that they get past the first look. */
async function makeThings(api: ReturnType<typeof connectApi>, folder: string): Promise<string[]> {
  const { task } = await api.tasks.createTask({
    taskId: 'known',
    task: {
      source: folder,
      destination: pathToFileURL(path.join(tmpdir(), 'drover-fuzz-to')).href,
    },
  });
  return ['tasks/known', 'tasks/known/runs/1', 'known', 'fuzz-1', 'agents/none', 'default', task!.etag, folder, 'file:///srv/there', 'source', 'tasks/-']; // oxfmt-ignore
}

/** So that there is something that can be leased. */
async function runTasks({ tasks }: ReturnType<typeof connectApi>, folder: string): Promise<void> {
  for (let number = 1; number <= sessionAgents * 4; number++) {
    const destination = pathToFileURL(path.join(tmpdir(), `drover-fuzz-to-${number}`)).href;
    const taskId = `session-${number}`;
    await tasks.createTask({ taskId, task: { source: folder, destination } });
    await tasks.runTask({ name: `tasks/${taskId}` });
  }
}

function residentMiB(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kib) / 1024);
}

/** What the coordinator itself calls a bug. */
function surprisesIn(log: string): string[] {
  const lines = log.split('\n').filter((line) => line.includes('failed unexpectedly'));
  return lines.slice(0, 20).map((line) => line.slice(0, 1500));
}
