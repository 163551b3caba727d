// The command line as a function: words in, text out, exit status back. It touches no global, so
// that a test can call it.
import { createRegistry, type DescFile } from '@bufbuild/protobuf';
import { CommanderError } from 'commander';
import { readFile } from 'node:fs/promises';
import { file_google_rpc_error_details } from '../../gen/google/rpc/error_details_pb.ts';
import type { ApplyToTasksRequest } from '../../gen/drover/v1/task_pb.ts';
import { DroverError, reasonName } from '../../lib/error.ts';
import { escapeControl } from '../../lib/format.ts';
import type { Clock } from '../../lib/time.ts';
import { Caller } from './caller.ts';
import { describeCommands, type CommandSpec, type Docs } from './command-tree.ts';
import { completeWords, completionScript, namesTimeoutMs } from './completion.ts';
import { defaultSignInFolder, findCoordinator, type AccessOptions } from './coordinator-access.ts';
import { exitStatus, exitStatusOf } from './exit-status.ts';
import { withFiles } from './file-values.ts';
import { OutputClosed, type Output } from './output.ts';
import {
  buildProgram,
  type Invocation,
  type SignInCommand,
  type SignInCommandOptions,
} from './program.ts';
import { buildRequest } from './request.ts';
import { manyOf, manyRequest } from './many.ts';
import { runCommand, type CommandContext } from './run-command.ts';
import { runMany } from './run-many.ts';
import { login, logout, whoAmI } from './sign-in-commands.ts';
import { verifyEvidenceCommand } from './verify-evidence-command.ts';
import { readPlanDigest, verifyPlanCommand } from './verify-plan-command.ts';
import { checkTarget, type ContentTarget } from './write-content.ts';
import { SignInFolder } from '../sign-in/kept-sign-in.ts';
import { PersonCredential } from '../sign-in/person-credential.ts';

export interface CommandLineOptions {
  /** The words after the program's name. */
  words: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  /** The files of the API, and their comments. */
  files: readonly DescFile[];
  docs: Docs;
  stdin: AsyncIterable<Buffer | string>;
  stdout: Output;
  stderr: Output;
  clock: Clock;
  /** Aborts when the person interrupts. */
  signal: AbortSignal;
  /** Somebody sits at a terminal and can be asked. @default false */
  isInteractive?: boolean;
  /** Where sign-ins are kept. @default ~/.drover/sign-in */
  signInFolder?: string;
  /** @default the pauses of Caller */
  retryPausesMs?: readonly number[];
}

/** Runs one command and resolves with its exit status; whatever goes wrong is said on stderr. */
export async function runCommandLine(options: CommandLineOptions): Promise<number> {
  const { stderr } = options;
  try {
    return await parseAndRun(options);
  } catch (thrown) {
    if (thrown instanceof OutputClosed) return exitStatus.ok;
    if (options.signal.aborted) return exitStatus.interrupted;
    const error = DroverError.from(thrown);
    const isUsage = thrown instanceof BeforeCall;
    await stderr.write(isUsage ? describeUsage(error) : describeError(error)).catch(() => {});
    return isUsage ? exitStatus.usage : exitStatusOf(error.reason);
  }
}

/**
 * Something was wrong before there was a call: whatever its reason, the command could not start.
 */
class BeforeCall extends DroverError {
  constructor(error: DroverError) {
    const { metadata, violations } = error;
    super(error.reason, error.message, {
      cause: error,
      metadata,
      violations: [...violations],
    });
  }
}

async function parseAndRun(options: CommandLineOptions): Promise<number> {
  const { files, docs, stdout, stderr, words } = options;
  const groups = describeCommands(files, docs);
  let status: number = exitStatus.ok;
  const texts: [Output, string][] = [];
  if (words[0] === '__complete') {
    await stdout.write(
      await completeWords(groups, words.slice(1), (group, command) =>
        listNames(options, group, command),
      ),
    );
    return status;
  }
  const program = buildProgram(groups, {
    writeOut: (text) => texts.push([stdout, text]),
    writeErr: (text) => texts.push([stderr, text]),
    columns: stdout.isTerminal ? stdout.columns : 100,
    invoke: async (invocation) => {
      status = await invoke(invocation, options);
    },
    signIn: async (command, common) => {
      status = await runSignIn(command, common, options);
    },
    verifyEvidence: async (file, common) => {
      const format = await beforeCall(async () => answerFormat(common.output));
      status = await beforeCall(() => verifyEvidenceCommand({ file, options: common, format, stdout })); // oxfmt-ignore
    },
    verifyPlan: async (name, common) => {
      const { caller, format } = await beforeCall(async () => {
        readPlanDigest(common.planDigest);
        return { format: answerFormat(common.output), caller: callerFor(common, options) };
      });
      status = await verifyPlanCommand({ name, options: common, caller, format, stdout });
    },
    complete: (shell) => stdout.write(completionScript(shell)),
  });
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    status = thrown.exitCode === 0 ? exitStatus.ok : exitStatus.usage;
  }
  for (const [output, text] of texts) await output.write(text);
  return status;
}

async function invoke(invocation: Invocation, options: CommandLineOptions): Promise<number> {
  const { command, flags } = invocation;
  const common = invocation.options;
  const target = { file: common.output, isForced: common.force === true };
  const many = common.filter === undefined ? undefined : manyOf(command.method);
  const { request, caller, format } = await beforeCall(async () => ({
    format: formatOf(command, target),
    request:
      many !== undefined
        ? manyRequest(many, invocation, common.filter!)
        : buildRequest(command, {
            positional: invocation.positional,
            flags: await withFiles(flags, options.stdin, common.requestJson),
            requestJson:
              common.requestJson === undefined
                ? undefined
                : await readText(common.requestJson, options.stdin),
          }),
    caller: callerFor(common, options),
  }));
  const onePage = [...flags.keys()].some((flag) => /^page-(size|token)$/.test(flag.name));
  const context: CommandContext = {
    caller,
    clock: options.clock,
    registry: createRegistry(...options.files, file_google_rpc_error_details),
    stdout: options.stdout,
    stderr: options.stderr,
    format,
    target,
    columns: common.columns,
    limit: common.limit,
    onePage,
  };
  if (many === undefined) return runCommand(command, request, context);
  const { stdin, isInteractive = false } = options;
  const asking = { isAgreed: common.yes === true, isInteractive, stdin };
  return runMany(many, request as ApplyToTasksRequest, context, asking);
}

/** How the answer is shown; of a command that answers with a file, --output says where it goes. Throws when it cannot be meant. */
function formatOf(command: CommandSpec, target: ContentTarget): 'table' | 'json' {
  if (!command.isContent) return answerFormat(target.file);
  checkTarget(target);
  return 'table';
}

function answerFormat(text = 'table'): 'table' | 'json' {
  if (text === 'table' || text === 'json') return text;
  throw DroverError.invalid('--output', `is "${text}"; it must be table or json`);
}

/** Calls the coordinator that the options name, as whoever has the token or is signed in. */
function callerFor(common: AccessOptions, options: CommandLineOptions): Caller {
  const folder = new SignInFolder(options.signInFolder ?? defaultSignInFolder());
  const access = findCoordinator(common, options.environment, folder);
  const { signIn } = access;
  const credential = signIn && new PersonCredential({ ...options, kept: signIn, folder });
  return new Caller({ ...options, access, credential });
}

async function runSignIn(
  command: SignInCommand,
  common: SignInCommandOptions,
  options: CommandLineOptions,
): Promise<number> {
  const folder = new SignInFolder(options.signInFolder ?? defaultSignInFolder());
  const { access, format } = await beforeCall(async () => ({
    format: answerFormat(common.output),
    access: findCoordinator(common, options.environment, folder),
  }));
  const parts = { ...options, access, folder, caFile: common.caFile, format };
  switch (command) {
    case 'login':
      return login(parts);
    case 'logout':
      return logout(parts);
    case 'whoami':
      return whoAmI({ ...parts, caller: callerFor(common, options) });
  }
}

async function beforeCall<T>(prepare: () => Promise<T>): Promise<T> {
  try {
    return await prepare();
  } catch (thrown) {
    throw thrown instanceof DroverError ? new BeforeCall(thrown) : thrown;
  }
}

async function readText(file: string, stdin: CommandLineOptions['stdin']): Promise<string> {
  if (file === '-') {
    let text = '';
    const decoder = new TextDecoder();
    for await (const part of stdin)
      text += typeof part === 'string' ? part : decoder.decode(part, { stream: true });
    return text;
  }
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw DroverError.invalid(
      '--request-json',
      `cannot read ${file}: ${(cause as Error).message}`,
      cause,
    );
  }
}

/** Names of resources for a completion: what a list command shows in its first column. */
async function listNames(
  options: CommandLineOptions,
  command: CommandSpec,
  parent: string | undefined,
): Promise<string[]> {
  const lines: string[] = [];
  const collector: Output = {
    isTerminal: false,
    columns: 80,
    write: (text: string) => {
      lines.push(...text.split('\n').slice(lines.length === 0 ? 1 : 0));
      return Promise.resolve();
    },
  };
  const flags = new Map();
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(namesTimeoutMs)]);
  const caller = callerFor({}, { ...options, signal, retryPausesMs: [] });
  await runCommand(
    command,
    buildRequest(command, { positional: parent, flags, requestJson: undefined }),
    {
      caller,
      clock: options.clock,
      registry: createRegistry(),
      stdout: collector,
      stderr: collector,
      format: 'table',
      target: { file: undefined, isForced: false },
      columns: ['name'],
      limit: 200,
      onePage: false,
    },
  );
  return lines.filter((line) => line !== '');
}

/** What a person reads when nothing was called yet; the advice of a reason is about calls. */
function describeUsage(error: DroverError): string {
  return `drover: ${escapeControl(error.message)}\n(add --help for what there is)\n`;
}

/** What a person reads: what happened, why by name, what to do. */
function describeError(error: DroverError): string {
  const lines = [`drover: ${escapeControl(error.message)} (${reasonName(error.reason)})`];
  for (const { field, description } of error.violations)
    if (!error.message.includes(description))
      lines.push(`  ${escapeControl(`${field}: ${description}`)}`);
  if (error.advice !== '') lines.push(`  ${error.advice}`);
  return `${lines.join('\n')}\n`;
}
