// A whole agent, with real threads, a real journal and a real connection, against a coordinator that sends it nonsense.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, type Dirent, writeFileSync } from 'node:fs'; // oxfmt-ignore
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { systemClock, type Clock } from '../../lib/time.ts';
import { Random } from '../../scripts/chaos-random.ts';
import { runAgent } from '../agent.ts';
import { PlayedCoordinator, type PlayedSession } from '../link/played-coordinator.ts';
import { createPool } from '../pool/piscina-pool.ts';
import { nonsenseFrame, type NonsensePlaces } from './nonsense-frames.ts';

export interface Pestered {
  /** What was wrong, in words. */
  problems: string[];
  /** How often the agent attached, and how many frames of each kind it sent. */
  streams: number;
  answers: Map<string, number>;
}

const framesOfStreamMax = 200;
/** The agent is given so many frames, and then time to answer. */
const framesAtOnce = 8;
/** Longer than the longest wait of the agent, which is in a hurry here. */
const standstillMs = 60_000;
/** What an agent waits between two attempts is this many times shorter; what it waits for an answer stays. */
const hurry = 100;
const answerWaitMs = 20_000;
const untouchable = ['source', 'outside'];
const secret = 'what the agent may not read';

const hurriedClock: Clock = {
  ...systemClock,
  after: (delayMs, callback) => systemClock.after(delayMs >= answerWaitMs ? delayMs : delayMs / hurry, callback), // oxfmt-ignore
};

/** Sends so many frames; the same seed sends the same. */
export async function pesterAgent(options: { seed: number; messages: number }): Promise<Pestered> {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-frames-'));
  try {
    return await pesterIn(folder, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function pesterIn(
  folder: string,
  { seed, messages }: { seed: number; messages: number },
): Promise<Pestered> {
  const places = makePlaces(folder);
  const before = contentOf(folder, untouchable);
  const lines: string[] = [];
  await using coordinator = await PlayedCoordinator.start();
  const drain = new AbortController();
  const { address, joinToken } = coordinator;
  const agent = runAgent(
    {
      coordinators: [address],
      dataFolder: path.join(folder, 'agent'),
      joinToken,
      displayName: 'one',
      group: 'default',
      sourceRoots: [path.join(folder, 'source')],
      threads: 2,
      signIn: undefined,
      requests: 4,
    },
    {
      createPool,
      clock: hurriedClock,
      log: pino({ level: 'warn' }, { write: (line: string) => lines.push(line) }),
      showDeviceCode: () => undefined,
    },
    { drain: drain.signal, stop: new AbortController().signal },
    () => undefined,
  );
  const ended = agent.then(
    (end) => `it ended: ${end}`,
    (error: unknown) => `it ended with ${String(error)}`,
  );
  const pestered: Pestered = { problems: [], streams: 0, answers: new Map() };
  const random = new Random(seed);
  for (let left = messages; left > 0;) {
    const end = await Promise.race([
      coordinator.session(),
      ended,
      standstill('it does not attach again'),
    ]);
    if (typeof end === 'string')
      return { ...pestered, problems: [`the agent: ${end}`, ...surprisesIn(lines)] };
    pestered.streams += 1;
    left -= await pesterStream(end, random, places, Math.min(left, framesOfStreamMax), pestered);
  }
  const settled = await Promise.race([ended, settle(coordinator, places), standstill('it does no good work afterwards')]); // oxfmt-ignore
  if (settled !== undefined) pestered.problems.push(`the agent: ${settled}`);
  drain.abort();
  const end = await Promise.race([ended, standstill('it does not end')]);
  if (end !== 'it ended: drained') pestered.problems.push(`the agent: ${end}`);
  pestered.problems.push(...surprisesIn(lines), ...changesIn(folder, before));
  return pestered;
}

/** One stream from its hello to its end; answers how many frames it got. */
async function pesterStream(
  session: PlayedSession,
  random: Random,
  places: NonsensePlaces,
  framesMax: number,
  { problems, answers }: Pestered,
): Promise<number> {
  let isOver = false;
  const read = async () => {
    for (let frame = await session.next(); frame !== undefined; frame = await session.next())
      answers.set(String(frame.case), (answers.get(String(frame.case)) ?? 0) + 1);
    isOver = true;
  };
  await session.next();
  const over = read();
  if (random.chance(0.95)) session.welcome();
  const count = random.between(1, framesMax);
  let sent = 0;
  while (sent < count && !isOver) {
    session.sendBytes(nonsenseFrame(random, places));
    sent += 1;
    if (sent % framesAtOnce === 0) await delay(1);
  }
  session.sent.end();
  const end = await Promise.race([over, standstill('it does not leave a stream that has ended')]);
  if (end !== undefined) problems.push(`the agent: ${end}`);
  return sent;
}

/** A coordinator that is in order again: takes everything back, and has a scan done. */
async function settle(coordinator: PlayedCoordinator, places: NonsensePlaces): Promise<void> {
  for (;;) {
    const session = await coordinator.session();
    const hello = await session.next();
    if (hello?.case !== 'hello') continue;
    session.welcome();
    for (const key of hello.value.leases)
      session.send({ case: 'leaseRevocation', value: { key, message: 'taken back' } });
    if (await scanWell(session, places)) return;
  }
}

/** Answers whether the stream held until a scan was done. */
async function scanWell(
  session: PlayedSession,
  { sources, destinations }: NonsensePlaces,
): Promise<boolean> {
  // oxfmt-ignore
  const lease = 'tasks/good/runs/1/scan';
  const give = (generation: number) =>
    session.send({
      case: 'scanLease',
      value: { key: { lease, generation }, source: sources[0]!, destination: destinations[0]!, nextPage: 1n, pageWindow: 9 }, // oxfmt-ignore
    });
  give(1);
  for (let frame = await session.next(); frame !== undefined; frame = await session.next()) {
    if (frame.case === 'scanDone' && frame.value.key?.lease === lease) {
      if (frame.value.reason !== ErrorReason.UNSPECIFIED) throw new Error(frame.value.message);
      session.send({ case: 'acknowledgement', value: { key: frame.value.key } });
      return true;
    }
    if (frame.case === 'batchDone' || frame.case === 'scanDone')
      session.send({ case: 'acknowledgement', value: { key: frame.value.key! } });
    // Its slots are still full of what it was told to stop.
    const back = frame.case === 'leaseReturn' && frame.value.keys.find((key) => key.lease === lease); // oxfmt-ignore
    if (back) give(back.generation + 1);
  }
  return false;
}

function makePlaces(folder: string): NonsensePlaces {
  const [source, outside, to] = ['source', 'outside', 'to'].map((name) => path.join(folder, name));
  for (const made of [`${source}/sub`, outside!, to!]) mkdirSync(made, { recursive: true });
  for (const name of ['a', 'sub/b', 'sub/c']) writeFileSync(path.join(source!, name), name);
  writeFileSync(path.join(outside!, 'secret'), secret);
  for (const place of [source!, to!]) symlinkSync(outside!, path.join(place, 'link'));
  return {
    sources: [source!, `${source}/sub`, pathToFileURL(source!).href, outside!, `${source}/../outside`, `${source}/link`, folder, '/'], // oxfmt-ignore
    destinations: [pathToFileURL(to!).href, pathToFileURL(`${to}/deep/er`).href, to!],
    paths: ['a', 'sub', 'sub/b', 'sub/c', 'new', 'link', 'link/secret', 'link/new', '../outside/secret', '../outside', `${outside}/secret`, 'sub/../../outside/secret', ''], // oxfmt-ignore
  };
}

/** What is in some of the folders below one, through no link: every path with its content. */
function contentOf(folder: string, names: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (place: string, entry: Dirent) => {
    found.set(place, entry.isFile() ? readFileSync(place, 'latin1') : '');
    if (entry.isDirectory()) visitAll(place);
  };
  const visitAll = (place: string) => {
    for (const entry of readdirSync(place, { withFileTypes: true }))
      visit(path.join(place, entry.name), entry);
  };
  for (const name of names) visitAll(path.join(folder, name));
  return found;
}

/** Whatever is otherwise than it has to be, whatever the agent was told. */
function changesIn(folder: string, before: ReadonlyMap<string, string>): string[] {
  const after = contentOf(folder, untouchable);
  const places = [...new Set([...before.keys(), ...after.keys()])];
  const changed = places.filter((place) => before.get(place) !== after.get(place));
  const leaked = [...contentOf(folder, ['to'])].filter(([, content]) => content.includes(secret));
  const strange = readdirSync(folder).filter((name) => ![...untouchable, 'to', 'agent'].includes(name)); // oxfmt-ignore
  return [
    ...changed.map((place) => `${place} is not as it was`),
    ...leaked.map(([place]) => `${place} was read outside of the source`),
    ...strange.map((name) => `${name} was made beside the destination`),
  ];
}

/** What the agent itself calls a bug. */
function surprisesIn(lines: readonly string[]): string[] {
  const bugs = lines.filter((line) => line.includes('could not be worked on') || line.includes('TypeError')); // oxfmt-ignore
  return bugs.slice(0, 20).map((line) => line.slice(0, 1500));
}

const standstill = <T>(what: T): Promise<T> => delay(standstillMs, what, { ref: false });
