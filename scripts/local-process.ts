// A program of the project as a process of its own on this machine: started, waited for until it says that it is ready, stopped. Such a
// process never outlives the one that started it, unless it is released.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { personWords } from './person-words.ts';

export interface LocalProcessOptions {
  /** What the process is called in messages and how its logs are named, such as `coordinator`. */
  name: string;
  /** Absolute path of the TypeScript file to run. */
  script: string;
  arguments: readonly string[];
  /** Added to this process's environment; undefined takes a variable away. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Where standard output (`NAME.out`) and standard error (`NAME.log`) go; made when it is not there. */
  logFolder: string;
  /** Unix user id that the process gets. @default this process's */
  userId?: number;
  /** How long it may take to become ready. @default 60 s */
  readyTimeoutMs?: number;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** The process ended, or said nothing, before it was ready. `words` is what it wrote for a person. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly words: string;
  readonly exit: Exit | undefined;

  constructor(name: string, words: string, exit: Exit | undefined) {
    const end = exit === undefined ? 'could not be started' : `ended with ${describeExit(exit)}`;
    super(`the ${name} ${end}${words === '' ? '' : `:\n${words}`}`);
    this.words = words;
    this.exit = exit;
  }
}

/** A running process; `ready` is the JSON line that it printed. */
export interface LocalProcess<Ready> extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly ready: Ready;
  readonly logFile: string;
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>;
  signal(signal: NodeJS.Signals): void;
  /** Lets it drain; after `graceMs` it is told to stop at once, and after as long again it is killed. Idempotent. */
  stop(graceMs?: number): Promise<Exit>;
  /** Ends it as a power cut would. */
  kill(): Promise<Exit>;
  /** Lets it live on when this process ends. */
  release(): void;
}

/** Starts a program that prints one JSON line when it is ready; throws StartError when it does not come to that. */
export async function startProcess<Ready>(
  options: LocalProcessOptions,
): Promise<LocalProcess<Ready>> {
  makeLogFolder(options);
  const outputFile = path.join(options.logFolder, `${options.name}.out`);
  const logFile = path.join(options.logFolder, `${options.name}.log`);
  const child = launch(options, outputFile, logFile);
  let exit: Exit | undefined;
  const exited = new Promise<Exit>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve((exit = { code, signal })));
  });
  const guard = guardOf(child, exited);
  const deadlineMs = performance.now() + (options.readyTimeoutMs ?? 60_000);
  let line = firstLine(outputFile);
  while (line === undefined && exit === undefined && performance.now() < deadlineMs) {
    await Promise.race([delay(25), exited]);
    line = firstLine(outputFile);
  }
  if (line === undefined) {
    child.kill('SIGKILL');
    throw new StartError(options.name, personWords(logFile), exit);
  }
  const ready = JSON.parse(line) as Ready;
  return runningProcess({ name: options.name, child, ready, logFile, exited, guard });
}

/** How a process ended, in words. */
export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `status ${code}` : `signal ${signal}`;
}

function makeLogFolder({ name, logFolder }: LocalProcessOptions): void {
  try {
    mkdirSync(logFolder, { recursive: true });
  } catch (error) {
    const why = error instanceof Error ? error.message.split(', ')[0] : String(error);
    throw new StartError(name, `the folder ${logFolder} cannot be made: ${why}`, undefined);
  }
}

function launch(options: LocalProcessOptions, outputFile: string, logFile: string): ChildProcess {
  // For their owner only: an emulator says its secret, an agent the code with which somebody signs in.
  const output = openSync(outputFile, 'w', 0o600);
  const log = openSync(logFile, 'w', 0o600);
  try {
    // By its first line, as a person's shell starts it: that line holds Node's flags, too.
    return spawn(options.script, options.arguments, {
      // Files, not pipes: a process that is released must be able to write when nobody reads any more.
      stdio: ['ignore', output, log],
      // A group of its own, so that Ctrl-C on the terminal reaches only the one who can stop things in order.
      detached: true,
      env: { ...process.env, PATH: nodeFirst(), ...options.environment },
      ...(options.userId === undefined ? {} : { uid: options.userId, gid: options.userId }),
    });
  } finally {
    closeSync(output);
    closeSync(log);
  }
}

/** The search path with the Node that runs this, whatever Node the person who started it has. */
function nodeFirst(): string {
  return [path.dirname(process.execPath), process.env['PATH']].join(path.delimiter);
}

/** Ends a process whose starter is gone: the pipe to this shell closes when the starter dies, however it dies. */
const guardScript = `read word
[ "$word" = over ] && exit
for attempt in 1 2; do
  kill -TERM "$0" 2>/dev/null || exit
  sleep 1
done
kill -KILL "$0" 2>/dev/null`;

function guardOf(child: ChildProcess, exited: Promise<Exit>): () => void {
  if (child.pid === undefined) return () => {};
  const guard = spawn('/bin/sh', ['-c', guardScript, String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // It may be gone already when it is told; then there is nothing left to tell.
  guard.stdin.on('error', () => {});
  guard.unref();
  const dismiss = () => void guard.stdin.end('over\n');
  exited.then(dismiss, dismiss);
  return dismiss;
}

function runningProcess<Ready>(parts: {
  name: string;
  child: ChildProcess;
  ready: Ready;
  logFile: string;
  exited: Promise<Exit>;
  guard: () => void;
}): LocalProcess<Ready> {
  const { child, exited } = parts;
  const signal = (name: NodeJS.Signals) => void child.kill(name);
  const stop = async (graceMs = 30_000): Promise<Exit> => {
    for (const name of ['SIGTERM', 'SIGTERM', 'SIGKILL'] as const) {
      signal(name);
      const isOver = await Promise.race([
        exited.then(() => true),
        delay(graceMs, false, { ref: false }),
      ]);
      if (isOver) break;
    }
    return exited;
  };
  return {
    name: parts.name,
    pid: child.pid!,
    ready: parts.ready,
    logFile: parts.logFile,
    exited,
    signal,
    stop,
    kill: () => {
      signal('SIGKILL');
      return exited;
    },
    release: () => {
      parts.guard();
      child.unref();
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}

function firstLine(file: string): string | undefined {
  const text = readFileSync(file, 'utf8');
  const end = text.indexOf('\n');
  return end < 0 ? undefined : text.slice(0, end);
}
