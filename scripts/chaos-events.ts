// What is done to the stack, as the seed says: processes die and come back, networks are cut and hold everything back, services refuse,
// disks are full, people change their minds. Each event puts in order again what it put out of order.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosLog } from './chaos-log.ts';
import type { Part } from './chaos-part.ts';
import type { Random } from './chaos-random.ts';
import type { Share } from './chaos-share.ts';
import { leaseTtlMs, type ChaosStack } from './chaos-stack.ts';

export interface EventScene {
  stack: ChaosStack;
  /** The names of the tasks. */
  tasks: readonly string[];
  shares: readonly Share[];
  /** The folders that are written to, absolute; none where the destination is a tenant. */
  destinations: readonly string[];
  random: Random;
  log: ChaosLog;
}

interface ChaosEvent {
  weight: number;
  /** Begins the event and answers with its end; undefined when it is not possible now. */
  begin: (scene: EventScene) => Promise<void> | undefined;
}

const atOnceMax = 3;
/** A destination with fewer entries may be one of which nothing is reported yet, and that is made when it is not there. */
const heldMin = 5;

/** Plays events until the signal aborts, then until those that are going have ended; answers with how many there were. */
export async function playEvents(scene: EventScene, signal: AbortSignal): Promise<number> {
  const { stack, random } = scene;
  const going = new Set<Promise<void>>();
  const destination = stack.emulator === undefined ? 'folder' : 'emulator';
  const possible = events.filter(({ needs = destination }) => needs === destination);
  let played = 0;
  let failure: { error: unknown } | undefined;
  while (!signal.aborted && failure === undefined) {
    await delay(random.between(300, 2500), undefined, { signal }).catch(() => undefined);
    if (signal.aborted || going.size >= atOnceMax) continue;
    const event = random.pickWeighted(possible).begin(scene);
    if (event === undefined) continue;
    played += 1;
    const ended = event.catch((error: unknown) => void (failure ??= { error }));
    going.add(ended);
    void ended.then(() => going.delete(ended));
  }
  await Promise.all(going);
  if (failure !== undefined) throw failure.error;
  return played;
}

const events: readonly (ChaosEvent & { needs?: 'folder' | 'emulator' })[] = [
  { weight: 5, begin: killAgent },
  { weight: 2, begin: drainAgent },
  { weight: 3, begin: stopAgent },
  { weight: 2, begin: barAgent },
  { weight: 3, begin: ({ stack, random, log }) => kill(stack.coordinator, random.between(100, 3000), log) }, // oxfmt-ignore
  { weight: 3, begin: (scene) => cut(scene, 'coordinatorNetwork') },
  { weight: 2, begin: (scene) => hold(scene, 'coordinatorNetwork') },
  { weight: 2, begin: fillDisk },
  { weight: 2, begin: loseShare },
  { weight: 2, needs: 'folder', begin: loseDestination },
  { weight: 2, begin: pauseTask },
  { weight: 1.5, begin: cancelTask },
  { weight: 2, needs: 'emulator', begin: ({ stack, random, log }) => kill(stack.emulator!, random.between(100, 3000), log) }, // oxfmt-ignore
  { weight: 1, needs: 'emulator', begin: drainEmulator },
  { weight: 3, needs: 'emulator', begin: (scene) => cut(scene, 'emulatorNetwork') },
  { weight: 2, needs: 'emulator', begin: (scene) => hold(scene, 'emulatorNetwork') },
  { weight: 5, needs: 'emulator', begin: playFaults },
];

function killAgent({ stack, random, log }: EventScene): Promise<void> | undefined {
  return kill(random.pick(stack.agents), random.between(100, 6000), log);
}

function kill(part: Part<unknown>, awayMs: number, log: ChaosLog): Promise<void> | undefined {
  return take(part, async () => {
    log.say(`${part.name} is killed, and started again after ${awayMs} ms`);
    await part.kill();
    await delay(awayMs);
    await part.up();
    log.note(`${part.name} is up again`);
  });
}

function drainAgent({ stack, random, log }: EventScene): Promise<void> | undefined {
  const agent = random.pick(stack.agents);
  return take(agent, async () => {
    log.say(`${agent.name} is told to drain`);
    log.note(`${agent.name} drained: ${await agent.drain()}`);
    await agent.up();
  });
}

function drainEmulator({ stack, log }: EventScene): Promise<void> | undefined {
  return take(stack.emulator!, async () => {
    log.say('the emulator is told to drain, and started again');
    log.note(`the emulator drained: ${await stack.emulator!.drain()}`);
    await stack.emulator!.up();
  });
}

/** Somebody disables an agent, or drains it from afar, and enables it again. */
async function barAgent({ stack, random, log }: EventScene): Promise<void> {
  const agent = random.pick(stack.agents);
  const isDisabled = random.chance(0.6);
  const barredMs = random.between(200, 4000);
  const name = stack.agentNames.get(agent.name);
  if (name === undefined) return;
  const { agents } = stack.api;
  if (!(await steer(() => (isDisabled ? agents.disableAgent({ name }) : agents.drainAgent({ name }))))) return; // oxfmt-ignore
  log.say(`${agent.name} is ${isDisabled ? 'disabled' : 'drained from afar'} for ${barredMs} ms`);
  await delay(barredMs);
  await until(() => steer(() => agents.enableAgent({ name })), barredMs + 10_000);
}

/** Longer than its lease, so that others get its work and it comes back as one of yesterday. */
function stopAgent({ stack, random, log }: EventScene): Promise<void> | undefined {
  const agent = random.pick(stack.agents);
  const stillMs = leaseTtlMs + random.between(500, 4000);
  return take(agent, async () => {
    log.say(`${agent.name} stands still for ${stillMs} ms`);
    agent.signal('SIGSTOP');
    await delay(stillMs);
    agent.signal('SIGCONT');
  });
}

async function cut({ stack, log }: EventScene, network: Network): Promise<void> {
  log.say(`${stack[network]!.cut()} connections of the ${networkNames[network]} are cut`);
}

async function hold({ stack, random, log }: EventScene, network: Network): Promise<void> {
  const heldMs = random.between(200, 2 * leaseTtlMs);
  log.say(`the ${networkNames[network]} passes nothing on for ${heldMs} ms`);
  stack[network]!.hold();
  await delay(heldMs);
  stack[network]!.release();
}

type Network = 'coordinatorNetwork' | 'emulatorNetwork';
const networkNames = {
  coordinatorNetwork: 'network to the coordinator',
  emulatorNetwork: 'network to the emulator',
};

function fillDisk({ stack, random, log }: EventScene): Promise<void> | undefined {
  const disk = stack.smallDisk;
  const agent = stack.agents.at(-1)!;
  const fullMs = random.between(500, 5000);
  if (disk === undefined) return undefined;
  return take(agent, async () => {
    log.say(`the disk of ${agent.name} is full for ${fullMs} ms`);
    agent.mayEnd = true;
    disk.fill();
    await delay(fullMs);
    disk.free();
    await agent.up();
    // What it could not write then may still end it a moment later.
    await delay(500);
    await agent.up();
    agent.mayEnd = false;
  });
}

/** A run that begins meanwhile fails, because its source is not there. */
function loseShare({ shares, random, log }: EventScene): Promise<void> | undefined {
  const share = random.pick(shares);
  const awayMs = random.between(300, 5000);
  if (share.isAway) return undefined;
  log.say(`${share.folder} is out of reach for ${awayMs} ms`);
  share.takeAway();
  return delay(awayMs).then(() => share.bringBack());
}

/** As when its share is unmounted, which may leave an empty folder. What is written in its place meanwhile is lost. */
function loseDestination({ destinations, random, log }: EventScene): Promise<void> | undefined {
  const folder = random.pick(destinations);
  const [awayMs, leavesEmpty] = [random.between(300, 5000), random.chance(0.5)];
  const away = `${folder}.away`;
  if (existsSync(away) || !existsSync(folder) || readdirSync(folder).length < heldMin) return undefined; // oxfmt-ignore
  log.say(`${folder} is ${leavesEmpty ? 'empty' : 'out of reach'} for ${awayMs} ms`);
  renameSync(folder, away);
  if (leavesEmpty) mkdirSync(folder);
  return delay(awayMs).then(() => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    renameSync(away, folder);
  });
}

async function pauseTask({ stack, tasks, random, log }: EventScene): Promise<void> {
  const name = random.pick(tasks);
  const pausedMs = random.between(200, 3000);
  if (!(await steer(() => stack.api.tasks.pauseTask({ name })))) return;
  log.say(`${name} is paused for ${pausedMs} ms`);
  await delay(pausedMs);
  // The coordinator may be away just now; a task must not stay paused for that.
  await until(() => steer(() => stack.api.tasks.resumeTask({ name })), pausedMs + 10_000);
}

async function cancelTask({ stack, tasks, random, log }: EventScene): Promise<void> {
  const name = random.pick(tasks);
  if (await steer(() => stack.api.tasks.cancelTask({ name }))) log.say(`${name} is cancelled`);
}

/** Whether the call was taken; it may be refused, because the run may just have ended or the coordinator be away. */
async function steer(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch {
    return false;
  }
}

async function until(isDone: () => Promise<boolean>, patienceMs: number): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  while (!(await isDone()) && performance.now() < deadlineMs) await delay(200);
}

function playFaults({ stack, random, log }: EventScene): Promise<void> | undefined {
  const fault = random.pick(faults);
  const probability = random.between(1, 10) / 20;
  const seed = random.between(0, 1000);
  const lastMs = random.between(500, 4000);
  return take(stack.emulator!, async () => {
    log.say(`the emulator plays ${JSON.stringify(fault)} with probability ${probability} for ${lastMs} ms`); // oxfmt-ignore
    await stack.control('PUT', 'faults', [{ probability, seed, fault }]);
    await delay(lastMs);
    await stack.control('DELETE', 'faults');
  });
}

const faults = [
  { kind: 'throttle', retryAfter: 1 },
  { kind: 'throttle', status: 503, retryAfter: 1 },
  { kind: 'throttle' },
  { kind: 'unavailable' },
  { kind: 'gatewayTimeoutAfterStore' },
  { kind: 'status', status: 500 },
  { kind: 'reset' },
  { kind: 'reset', afterBytes: 2000 },
  { kind: 'sessionLost' },
  { kind: 'expiredToken' },
] as const;

/** Does something with a part that runs and that nothing is being done with; undefined when there is something. */
function take(part: Part<unknown>, use: () => Promise<void>): Promise<void> | undefined {
  if (part.isTaken || !part.isUp) return undefined;
  part.isTaken = true;
  return use().finally(() => (part.isTaken = false));
}
