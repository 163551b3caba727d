// The options of `drover-agent run`, as commander takes them.
import { availableParallelism, homedir, hostname } from 'node:os';
import path from 'node:path';
import { Option, type Command } from 'commander';
import type { SignInFlags } from './credential/sign-in-options.ts';
import {
  coordinatorList,
  displayName,
  displayNameLengthMax,
  groupName,
  nonEmpty,
  requests,
  requestsMax,
  requestsUsual,
  sourceRoots,
  threads,
  threadsMax,
} from './option-parsers.ts';
import { usualAgentGroup } from '../lib/agent-group.ts';
import { logLevels, type LogLevel } from '../lib/log.ts';
import { oneOf, type HostPort } from '../lib/option-values.ts';

/** What commander makes of the options; what is undefined was not given. */
export interface RunFlags extends SignInFlags {
  coordinator?: HostPort[];
  data: string;
  joinTokenFile?: string;
  name?: string;
  group?: string;
  sourceRoot?: string[];
  threads?: number;
  requests?: number;
  vaultKeyFile?: string;
  logLevel: LogLevel;
  json?: boolean;
}

/** What an agent is called, and how many threads it has, when nobody says it. */
export const usualDisplayName = hostname().slice(0, displayNameLengthMax) || 'agent';
export const usualThreads = Math.min(threadsMax, availableParallelism());

/** Where an agent keeps everything. Every command takes it. */
export function dataOption(): Option {
  return new Option(
    '--data <folder>',
    'where the agent keeps its settings, its certificate and its journal',
  )
    .env('DROVER_AGENT_DATA')
    .argParser(nonEmpty)
    .default(path.join(homedir(), '.drover', 'agent'));
}

export function vaultKeyFileOption(): Option {
  return new Option(
    '--vault-key-file <file>',
    'where the key of the vault is kept (default: seal-key in the data folder)',
  )
    .env('DROVER_AGENT_VAULT_KEY_FILE')
    .argParser(nonEmpty);
}

/** Which coordinator, and what the agent is to it. */
export function agentOptions(): Option[] {
  return [
    new Option(
      '--coordinator <host:port>',
      'where the coordinator listens; several with commas, or given again',
    )
      .env('DROVER_AGENT_COORDINATOR')
      .argParser(coordinatorList),
    new Option(
      '--name <text>',
      `what the agent is called when it joins (default: ${usualDisplayName})`,
    )
      .env('DROVER_AGENT_NAME')
      .argParser(displayName),
    new Option(
      '--group <name>',
      `the group the agent belongs to; a task can ask for one (default: ${usualAgentGroup})`,
    )
      .env('DROVER_AGENT_GROUP')
      .argParser(groupName),
    new Option(
      '--source-root <folder or share>',
      'a folder or share whose files the agent can read, with all below; several by giving it again (default: every path)',
    ).argParser(sourceRoots),
    new Option(
      '--threads <number>',
      `how many threads work, from 1 to ${threadsMax} (default: ${usualThreads}, the cores)`,
    )
      .env('DROVER_AGENT_THREADS')
      .argParser(threads),
    new Option(
      '--requests <number>',
      `how many requests to the tenant at once, at most, from 1 to ${requestsMax} (default: ${requestsUsual})`,
    )
      .env('DROVER_AGENT_REQUESTS')
      .argParser(requests),
  ];
}

/** How to sign in to the tenant. */
export function signInOptions(): Option[] {
  return [
    new Option(
      '--tenant <id or domain>',
      'the Microsoft 365 tenant to migrate to, such as contoso.com; without it the agent serves folders only',
    )
      .env('DROVER_AGENT_TENANT')
      .argParser(nonEmpty),
    new Option('--client-id <id>', 'the application that the agent signs in as')
      .env('DROVER_AGENT_CLIENT_ID')
      .argParser(nonEmpty),
    new Option('--client-secret-file <file>', "a file with the application's secret")
      .env('DROVER_AGENT_CLIENT_SECRET_FILE')
      .argParser(nonEmpty),
    new Option(
      '--client-certificate-file <file>',
      "a PEM file with the application's certificate and its key",
    )
      .env('DROVER_AGENT_CLIENT_CERTIFICATE_FILE')
      .argParser(nonEmpty),
    new Option('--authority <url>', 'where to sign in (default: https://login.microsoftonline.com)')
      .env('DROVER_AGENT_AUTHORITY')
      .argParser(nonEmpty),
    new Option('--graph <url>', 'where Microsoft Graph is (default: https://graph.microsoft.com)')
      .env('DROVER_AGENT_GRAPH')
      .argParser(nonEmpty),
    new Option(
      '--proxy <url>',
      'the HTTP proxy to reach the tenant by (default: the one in HTTPS_PROXY)',
    )
      .env('DROVER_AGENT_PROXY')
      .argParser(nonEmpty),
    new Option(
      '--ca-file <file>',
      'a PEM file with certificate authorities to trust on the way to the tenant, beside those of the computer',
    )
      .env('DROVER_AGENT_CA_FILE')
      .argParser(nonEmpty),
  ];
}

/** Adds all options of an agent that runs. */
export function addRunOptions(command: Command): Command {
  const options = [
    dataOption(),
    ...agentOptions(),
    new Option(
      '--join-token-file <file>',
      'a file with the join token; needed for the first start of an agent that was not set up',
    )
      .env('DROVER_AGENT_JOIN_TOKEN_FILE')
      .argParser(nonEmpty),
    ...signInOptions(),
    vaultKeyFileOption(),
    new Option(
      '--log-level <level>',
      `how much is logged to standard error: ${logLevels.join(', ')}`,
    )
      .env('DROVER_AGENT_LOG_LEVEL')
      .argParser(oneOf(...logLevels))
      .default('info'),
    new Option('--json', 'print one JSON line when the agent is attached').env('DROVER_AGENT_JSON'),
  ];
  for (const option of options) command.addOption(option);
  return command.addHelpText('after', helpAfter);
}

const helpAfter = `
What is given here or in the environment counts more than what \`drover-agent setup\` wrote into agent.json in the data folder, and
more than the secrets in the agent's vault.

The join token can stand in the environment variable DROVER_JOIN_TOKEN instead of a file; it is never an argument, because
other users of the computer can see those.

The source roots can stand in the environment variable DROVER_AGENT_SOURCE_ROOT, with commas between them; a path that has a comma in
it is written there as a URL, file:///srv/a%2Cb.

The application's secret can stand in DROVER_CLIENT_SECRET instead of a file. With neither a secret nor a certificate, here or in the
agent's vault, a person signs in: the agent shows a code to type on a page of Microsoft's, and keeps the sign-in, sealed, in its data
folder.

The first SIGINT or SIGTERM lets what is going come to its end and gives back the rest; the second one stops at once. Either
way nothing is lost: the journal in the data folder is taken up by the next start.`;
