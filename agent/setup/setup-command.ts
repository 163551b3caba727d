// `drover-agent setup`: its options. What it does is loaded when it is chosen.
import { Command, Option } from 'commander';
import type { CommandEdge } from '../command-edge.ts';
import { nonEmpty } from '../option-parsers.ts';
import { agentOptions, dataOption, signInOptions, vaultKeyFileOption } from '../run-options.ts';
import { signInKinds } from '../settings-file.ts';
import type { SetupFlags } from './given.ts';

export function setupCommand(edge: CommandEdge): Command {
  const command = new Command('setup').description(
    'set the agent up: ask for the coordinator, the sign-in to SharePoint and what the agent can read, try each answer, join, and keep the settings; run again, it changes what you change',
  );
  const options = [
    new Option(
      '--yes',
      'ask nothing: take every answer from flags, environment or --answers, and end when one is missing or does not work',
    ),
    new Option(
      '--answers <file>',
      'a JSON file with answers, under the names that agent.json has for them',
    ).argParser(nonEmpty),
    new Option(
      '--invitation-file <file>',
      'a file with the invitation that `drover agents invite` shows; it can stand in DROVER_INVITATION instead',
    ).argParser(nonEmpty),
    new Option(
      '--join-token-file <file>',
      'a file with a join token, beside --coordinator, in place of an invitation',
    ).argParser(nonEmpty),
    new Option(
      '--authority-fingerprint <sha256>',
      "the fingerprint of the coordinator's certificate authority, beside --coordinator, where somebody signs in in place of an invitation",
    ).argParser(nonEmpty),
    new Option('--join', 'join anew, as another agent, although this one has joined'),
    new Option('--sign-in <kind>', 'how the agent signs in to SharePoint').choices(signInKinds),
    dataOption(),
    ...agentOptions(),
    ...signInOptions(),
    vaultKeyFileOption(),
  ];
  for (const option of options) command.addOption(option);
  return command
    .addHelpText('after', helpAfter)
    .action(async (flags: SetupFlags, self: Command) => {
      const { runSetup } = await import('./run-setup.ts');
      const isFolderGiven = self.getOptionValueSource('data') !== 'default';
      await runSetup(flags, isFolderGiven, edge);
    });
}

const helpAfter = `
Nothing is changed before the last answer; Ctrl-C leaves everything as it was.

An answers file has the names of agent.json (coordinators, name, group, threads, requests, sourceRoots, signIn, tenant, clientId, authority,
graph, proxy, caFile), and data, authorityFingerprint, invitationFile, joinTokenFile, clientSecretFile, clientCertificateFile and proxyFile: files with
secrets, meant from the folder that the answers file is in. Flags and environment count more. For many machines from one shared folder:

  drover-agent setup --yes --answers /mnt/share/answers.json --invitation-file /mnt/share/invitation

Secrets are kept in the agent's vault, sealed; agent.json in the data folder holds none.`;
