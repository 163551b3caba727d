// The parser, made from the command tree. Commander reads the words and prints help and usage
// errors; what the words mean for the API is decided elsewhere.
import type { JsonValue } from '@bufbuild/protobuf';
import { Command, InvalidArgumentError, Option } from 'commander';
import { oneOf, wholeNumber } from '../../lib/option-values.ts';
import { version } from '../../lib/version.ts';
import type { CommandSpec, GroupSpec } from './command-tree.ts';
import type { Flag } from './flag.ts';
import { parseFlagText } from './flag-value.ts';
import {
  commandTerm,
  commandFooter,
  firstSentence,
  flagHelp,
  globalOptions,
  optionTerm,
  positionalHelp,
  programFooter,
} from './help.ts';
import { splitList } from './flag-text.ts';
import { manyOf } from './many.ts';
import type { VerifyEvidenceOptions } from './verify-evidence-command.ts';
import type { VerifyPlanOptions } from './verify-plan-command.ts';

/** What was given on the command line for one command of the API. */
export interface Invocation {
  command: CommandSpec;
  positional: string | undefined;
  flags: ReadonlyMap<Flag, JsonValue>;
  options: CommonOptions;
}

/** Options that every command has. */
export interface CommonOptions {
  coordinator?: string;
  authorityFile?: string;
  tokenFile?: string;
  data?: string;
  /** `table` or `json`; the name of a file for a command that answers with one. Absent when it was not given. */
  output?: string;
  /** Only of a command that answers with a file. */
  force?: boolean;
  /** Of a command that can be done to many resources: which. Of any other it is a flag. */
  filter?: string;
  yes?: boolean;
  columns?: string[];
  limit?: number;
  requestJson?: string;
}

export type SignInCommand = 'login' | 'logout' | 'whoami';

export type SignInCommandOptions = CommonOptions & { caFile?: string };

/** What was given for `runs verify-evidence`. */
export type VerifyEvidenceWords = CommonOptions & VerifyEvidenceOptions;

/** What was given for `runs verify-plan`. */
export type VerifyPlanWords = CommonOptions & VerifyPlanOptions;

export interface ProgramOptions {
  writeOut: (text: string) => void;
  writeErr: (text: string) => void;
  /** Columns of the terminal, for the help. */
  columns: number;
  /** Called with what was given, once the words are understood. */
  invoke: (invocation: Invocation) => Promise<void>;
  /** Called for `login`, `logout` and `whoami`. */
  signIn: (command: SignInCommand, options: SignInCommandOptions) => Promise<void>;
  /** Called for `runs verify-evidence FILE`. */
  verifyEvidence: (file: string, options: VerifyEvidenceWords) => Promise<void>;
  /** Called for `runs verify-plan NAME`. */
  verifyPlan: (name: string, options: VerifyPlanWords) => Promise<void>;
  /** Called for `completion SHELL`. */
  complete: (shell: 'bash' | 'zsh') => Promise<void>;
}

/**
 * The program with a command for every method; it throws CommanderError instead of ending the
 * process.
 */
export function buildProgram(groups: readonly GroupSpec[], options: ProgramOptions): Command {
  const negatable = new Set(groups.flatMap(({ commands }) => commands.flatMap(negatableFlags)));
  const program = new Command('drover')
    .description('The command line of Drover, the open migration manager.')
    .version(version, '--version', 'Show the version.')
    .helpOption('-h, --help', 'Show this help.')
    .helpCommand('help [command]', 'Show the help of a command.')
    .exitOverride()
    .showHelpAfterError('(add --help for what there is)')
    .configureHelp({
      showGlobalOptions: true,
      optionTerm: (option) => optionTerm(option, negatable),
      visibleGlobalOptions: globalOptions,
      optionDescription: (option) => option.description,
      subcommandTerm: commandTerm,
    })
    .configureOutput({
      writeOut: options.writeOut,
      writeErr: options.writeErr,
      outputError: (text, write) => write(text.replace(/^error: /, 'drover: ')),
      getOutHelpWidth: () => options.columns,
      getErrHelpWidth: () => options.columns,
    });
  for (const option of commonOptions()) program.addOption(option);
  program.addHelpText('after', () => programFooter());
  for (const group of groups) addGroup(program, group, options);
  addSignIn(program, options);
  program
    .command('completion')
    .summary('Print a completion script for a shell.')
    .description(completionHelp)
    .argument('<shell>', 'bash or zsh', oneOf('bash', 'zsh'))
    .action((shell: 'bash' | 'zsh') => options.complete(shell));
  return program;
}

const completionHelp = `Print a completion script for a shell.

  bash: source <(drover completion bash)      in ~/.bashrc
  zsh:  source <(drover completion zsh)       in ~/.zshrc, after compinit`;

function commonOptions(): Option[] {
  return [
    new Option('--coordinator <url>', 'The coordinator, as https://host:port.'),
    new Option('--authority-file <file>', "The coordinator's certificate authority, PEM."),
    new Option('--token-file <file>', "The administrator's token, or an access token."),
    new Option(
      '--data <folder>',
      'The data folder of a coordinator on this machine, which says the three above.',
    ),
    new Option('--output <format>', 'How answers are shown: table or json; table by default.'),
  ];
}

/** The commands that are more than a method of the API: they keep something on this machine. */
function addSignIn(program: Command, { signIn }: ProgramOptions): void {
  const add = (name: SignInCommand, summary: string, more = ''): Command => {
    const command = program.command(name).summary(summary).description(`${summary}${more}`);
    return command.action(() => signIn(name, command.optsWithGlobals<SignInCommandOptions>()));
  };
  add(
    'login',
    'Sign in to a coordinator, with Entra ID.',
    `

A code is shown, to be typed in a browser on any machine. From then on every command for this coordinator is called as the person who
signed in, until drover logout; the sign-in is kept in ~/.drover/sign-in, readable by its owner only.`,
  ).option(
    '--ca-file <file>',
    'Certificate authorities to trust on the way to Entra ID, PEM, beside those of this computer.',
  );
  add('logout', 'Forget the sign-in to a coordinator.');
  add('whoami', 'Show who you are to a coordinator, and what you may do.');
}

function addGroup(program: Command, group: GroupSpec, options: ProgramOptions): void {
  const parent = program
    .command(group.name)
    .summary(firstSentence(group.help))
    .description(group.help);
  for (const spec of group.commands) addCommand(parent, spec, options);
  if (group.name !== 'runs') return;
  addVerifyEvidence(parent, options);
  addVerifyPlan(parent, options);
}

/** A command of a group that is no method of the API: it works without a coordinator. */
function addVerifyEvidence(parent: Command, { verifyEvidence }: ProgramOptions): void {
  const summary = 'Verify evidence of a run that was exported, without a coordinator.';
  const command = parent
    .command('verify-evidence')
    .summary(summary)
    .description(
      `${summary}

Whatever was changed, taken out, added or moved in the file since it was signed is found. The status is 1 when it is not what was signed, or
when a file at the source is not what was migrated.`,
    )
    .argument('<file>', 'The file that drover runs export-evidence wrote.')
    .option(
      '--public-key <file>',
      "The coordinator's public key, PEM, as drover runs get-evidence-key shows it.",
    ) // oxfmt-ignore
    .option('--fingerprint <hex>', 'Or its fingerprint.')
    .option('--against-source <folder>', 'Read every file that was migrated again, and compare it.')
    .action((file: string) => verifyEvidence(file, command.optsWithGlobals<VerifyEvidenceWords>()));
}

/** No method of the API either: the digest is made here, of what the coordinator lists. */
function addVerifyPlan(parent: Command, { verifyPlan }: ProgramOptions): void {
  const summary = 'Verify that the items of a plan that are listed are what its digest says.';
  const command = parent
    .command('verify-plan')
    .summary(summary)
    .description(
      `${summary}

The digest is made anew of every item that the run lists, and compared with that of the run, or with the one that is given. It can be made of a plan of which nothing is done yet: of a run that only plans, or that waits for approval. The status is 1 when it is another plan.`, // oxfmt-ignore
    )
    .argument('<name>', "The run's name, tasks/{task}/runs/{run}; or tasks/{task}, which means its latest run. {task}/{run} or {task} alone is enough.") // oxfmt-ignore
    .option('--plan-digest <hex>', 'The digest that was read earlier, in place of the one that the run has.'); // oxfmt-ignore
  command.action((name: string) => verifyPlan(name, command.optsWithGlobals<VerifyPlanWords>()));
}

function addCommand(parent: Command, spec: CommandSpec, options: ProgramOptions): void {
  const { positional } = spec;
  const command = parent
    .command(spec.name)
    .summary(firstSentence(spec.help))
    .description(spec.help);
  // Optional for the parser, because --request-json can hold the name too.
  if (positional !== undefined)
    command
      .argument(`[${positional.label}]`, positionalHelp(spec))
      .usage(`<${positional.label}> [options]`);
  for (const flag of spec.flags) for (const option of flagOptions(flag)) command.addOption(option);
  for (const option of extraOptions(spec)) command.addOption(option);
  command.addHelpText('after', commandFooter(spec));
  command.action(async () => {
    const given = command.opts<Record<string, JsonValue>>();
    await options.invoke({
      command: spec,
      positional: positional === undefined ? undefined : command.args[0],
      flags: givenFlags(spec, given),
      options: command.optsWithGlobals<CommonOptions>(),
    });
  });
}

function extraOptions(spec: CommandSpec): Option[] {
  const options = [
    new Option(
      '--request-json <file>',
      'The whole request as protojson, from a file or from standard input (-).',
    ),
  ];
  if (manyOf(spec.method) !== undefined)
    options.push(
      new Option(
        '--filter <filter>',
        `In place of one: all that the filter wants, as in drover ${spec.group} list --help. You are asked first.`,
      ),
      new Option('--yes', 'With --filter: do not ask.'),
    );
  if (spec.isContent)
    options.push(
      new Option('--output <file>', 'The file to write, in place of standard output.'),
      new Option('--force', 'Replace the file if it is there.'),
    );
  const isStream = spec.method.methodKind === 'server_streaming' && !spec.isContent;
  if (spec.pageItems !== undefined || isStream)
    options.push(
      new Option('--columns <fields>', 'The columns of the table, such as name,state.').argParser(
        splitList,
      ),
    );
  if (spec.pageItems !== undefined)
    options.push(
      new Option('--limit <number>', 'List no more than this many.').argParser(wholeNumber(1, 1e9)),
    );
  return options;
}

function flagOptions(flag: Flag): Option[] {
  const { value, name } = flag;
  const help = flagHelp(flag);
  if (!value.isSwitch) {
    const placeholder = value.isList ? `<${value.placeholder},...>` : `<${value.placeholder}>`;
    const parse = (text: string, before: JsonValue[] | undefined): JsonValue[] => {
      const values = parseFlagText(value, text);
      if (values === undefined) throw new InvalidArgumentError(`It must be ${value.expectation}.`);
      return value.isList ? [...(before ?? []), ...values] : values;
    };
    return [new Option(`--${name} ${placeholder}`, help).argParser(parse)];
  }
  const on = new Option(`--${name}`, help);
  return flag.isNegatable ? [on, new Option(`--no-${name}`, help).hideHelp()] : [on];
}

function givenFlags(spec: CommandSpec, given: Record<string, JsonValue>): Map<Flag, JsonValue> {
  const flags = new Map<Flag, JsonValue>();
  for (const flag of spec.flags) {
    const value = given[new Option(`--${flag.name}`).attributeName()];
    if (value === undefined) continue;
    flags.set(flag, flag.value.isSwitch ? value : flag.value.wrap(value as JsonValue[]));
  }
  return flags;
}

function negatableFlags(spec: CommandSpec): string[] {
  return spec.flags.filter((flag) => flag.isNegatable).map((flag) => `--${flag.name}`);
}
