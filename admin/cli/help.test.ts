import test from 'ava';
import { firstSentence } from './help.ts';
import { runWords } from './test-command-line.ts';

test('the help of a command that reads', async (t) => {
  const { status, stdout } = await runWords(['runs', 'get', '--help']);
  t.deepEqual([status, stdout], [0, runsGetHelp]);
});

test('the help of a command that changes', async (t) => {
  const { status, stdout } = await runWords(['tasks', 'update', '--help']);
  t.deepEqual([status, stdout], [0, tasksUpdateHelp]);
});

test('the help of the program tells variables and exit statuses', async (t) => {
  const { status, stdout } = await runWords(['--help']);
  t.is(status, 0);
  for (const text of ['DROVER_COORDINATOR', 'DROVER_DATA', ' 70  ', 'tasks/photos/runs/1'])
    t.true(stdout.includes(text), text);
});

test('a word that is no command, and no word at all, are wrong usage', async (t) => {
  const wrong = await runWords(['tasks', 'watc', 'x']);
  t.is(wrong.status, 2);
  t.regex(wrong.stderr, /drover: unknown command 'watc'[^]*watch/);
  t.is((await runWords([])).status, 2);
  const value = await runWords(['items', 'list', 'a/1', '--state', 'lost']);
  t.is(value.status, 2);
  t.regex(value.stderr, /--state <state>.*'lost'.*one of pending, succeeded, skipped, failed/);
  // What a run says when it asks is no answer.
  const question = await runWords(['tasks', 'resume', 'a', '--gone', 'pending']);
  t.is(question.status, 2);
  t.regex(question.stderr, /--gone <decision>.*'pending'.*one of recycle, keep/);
  const missing = await runWords(['tasks', 'create', '--source', '/a']);
  t.is(missing.status, 2);
  t.regex(missing.stderr, /--destination/);
  const name = await runWords(['tasks', 'get']);
  t.is(name.status, 2);
  t.regex(name.stderr, /name: is missing; give tasks\/\{task\}/);
  const runOrTask = await runWords(['runs', 'retry']);
  t.regex(runOrTask.stderr, /is missing; give tasks\/\{task\}\/runs\/\{run\} or tasks\/\{task\}$/m);
  const help = (await runWords(['runs', 'get-readiness', '--help'])).stdout.replaceAll(/\s+/g, ' ');
  t.true(help.includes('{task}/{run} or {task} alone is enough.'));
});

test('the first sentence', (t) => {
  t.is(firstSentence('Tasks: a source. More.'), 'Tasks: a source.');
  t.is(firstSentence('Such as "*.bak" files. More.'), 'Such as "*.bak" files.');
  t.is(firstSentence('no end'), 'no end');
});

const runsGetHelp = `\
Usage: drover runs get <name> [options]

Shows a run.

Arguments:
  name                     The run's name, tasks/{task}/runs/{run}. {task}/{run} alone is enough.

Options:
  --request-json <file>    The whole request as protojson, from a file or from standard input (-).
  -h, --help               Show this help.

Global Options:
  --version                Show the version.
  --coordinator <url>      The coordinator, as https://host:port.
  --authority-file <file>  The coordinator's certificate authority, PEM.
  --token-file <file>      The administrator's token, or an access token.
  --data <folder>          The data folder of a coordinator on this machine, which says the three
                           above.
  --output <format>        How answers are shown: table or json; table by default.

The exit statuses are in: drover --help
The whole request can also be given as protojson: drover runs get --request-json FILE
`;

const tasksUpdateHelp = `\
Usage: drover tasks update <name> [options]

Changes a task. A run that is going keeps the values it started with, but for the agent group and
the priority, which count at once.

Arguments:
  name                                     The resource name, tasks/{task}. {task} alone is enough.

Options:
  --display-name <text>                    A title for people, at most 200 characters.
  --[no-]migrate-hidden-items              Migrate hidden files and folders; on by default. On
                                           Windows they have the attribute "hidden", elsewhere a
                                           name with a leading dot.
  --exclude-extensions <text,...>          Leave out files with these extensions, such as "tmp" or
                                           "tar.gz", whatever their case. A value may hold several,
                                           parted by colons, as Migration Manager writes them:
                                           "TXT:EXE:JPEG". Give it again, or part values with
                                           commas, for more than one; give "" for none.
  --exclude-patterns <text,...>            Leave out what matches these patterns, and of a folder
                                           all that is in it: "*.bak" is matched with names at any
                                           depth, what has a slash, such as "/Archive" or
                                           "projects/*/build", with the path below the source. Case
                                           counts only with case_sensitive_patterns. Give it again,
                                           or part values with commas, for more than one; give ""
                                           for none.
  --max-attempts <number>                  How often a file is tried in a run before it is reported
                                           as failed, from 1 to 10; 3 by default.
  --invalid-character-replacement <text>   What takes the place of each character that SharePoint
                                           allows in no name; "_" by default. Empty: such items are
                                           reported as failed.
  --conflict-policy <policy>               What to do with a file whose place at the destination is
                                           taken by another one, or by one that somebody changed;
                                           skip by default. One of skip, overwrite, keep-both,
                                           newer-wins.
  --gone-policy <policy>                   What to do at the destination with what an earlier run of
                                           the task migrated and is gone from the source; keep by
                                           default. One of keep, recycle.
  --recycle-items-max <number>             With the gone policy recycle: how many items a run
                                           recycles at most without asking; 1000 by default. 0: it
                                           always asks.
  --recycle-percent-max <number>           With the gone policy recycle: how many percent of the
                                           items that the task has migrated a run recycles at most
                                           without asking, from 0 to 100; 10 by default.
  --created-after <text>                   Migrate only files that were created at this time or
                                           later: a day such as 2024-01-31, which begins at midnight
                                           UTC; a time in RFC 3339; or one that is reckoned back
                                           from the start of the run, such as -90d, in h, d, w, m
                                           (months) or y. Empty: no such limit. A file whose time of
                                           creation the source does not tell is migrated. Folders
                                           are judged by no date.
  --created-before <text>                  Migrate only files that were created before this time, in
                                           the forms of created_after.
  --modified-after <text>                  Migrate only files that were last modified at this time
                                           or later, in the forms of created_after.
  --modified-before <text>                 Migrate only files that were last modified before this
                                           time, in the forms of created_after.
  --include-patterns <text,...>            Migrate only files that match one of these patterns, or
                                           lie in a folder that does; written as exclude_patterns
                                           are. Folders are made also where nothing in them is
                                           migrated, but for those below which no pattern can match.
                                           Empty: all files. Give it again, or part values with
                                           commas, for more than one; give "" for none.
  --[no-]case-sensitive-patterns           Let upper and lower case count in include_patterns and
                                           exclude_patterns; off by default, as for Windows and
                                           SharePoint "A.BAK" and "a.bak" are one name.
  --exclude-folders <text,...>             Leave out these folders with all that is in them: a name
                                           such as "Backup" at any depth; what has a slash or a
                                           backslash, such as "/Backup" or "Sales\\2019", is a path
                                           below the source. Case does not count, and nothing in
                                           them is a pattern. Give it again, or part values with
                                           commas, for more than one; give "" for none.
  --min-size <bytes>                       Leave out files with fewer bytes; 0 by default: no limit.
  --max-size <bytes>                       Leave out files with more bytes; 0 by default: no limit.
  --[no-]migrate-system-items              Migrate what belongs to the system rather than to a
                                           person; on by default. Off: Thumbs.db, desktop.ini,
                                           .DS_Store, ._ files of macOS, $RECYCLE.BIN, System Volume
                                           Information and the like are left out; on Windows also
                                           what has the attribute "system".
  --manifest <text>                        Migrate only what a text file lists, which the agent
                                           reads: an absolute path below the agent's source roots,
                                           or below the task's source where the agent has none.
                                           UTF-8, one path below the source on each line; one that
                                           ends with a slash stands for a folder with all that is in
                                           it; lines that begin with "#" are left alone. At most
                                           250,000 lines and 32 MiB. What is not listed does not
                                           count as gone. The other filters count as well. Empty:
                                           the whole source.
  --[no-]scan-only                         Every run only scans and plans, and writes nothing to the
                                           destination; off by default.
  --[no-]preserve-permissions              Migrate who may read and write each item. Not built yet:
                                           on is refused.
  --[no-]migrate-items-with-invalid-names  Migrate items whose name SharePoint does not take, under
                                           a name that it takes or as failures, see
                                           invalid_character_replacement; on by default. Off: they
                                           are left out, and of a folder all that is in it.
  --automatic-reruns <number>              How often, from 0 to 4, what failed in a run is tried
                                           again by itself in a run of its own, as RetryRun does; 0
                                           by default. Only where something failed that another try
                                           can help.
  --[no-]require-approval                  Scan and plan, then wait until somebody approves the
                                           plan, in every run that writes more than the dates that
                                           folders had before; off by default. Where the global
                                           setting is on, no task can turn it off.
  --[no-]try-reading                       Open each file, without reading it, in runs that only
                                           scan, so that it is found which ones cannot be read or
                                           are locked by a program; off by default, because a scan
                                           of a share may take several times as long by it.
  --etag <text>                            Changes with every change; a request that carries another
                                           one than the present is refused.
  --agent-group <text>                     The group of agents that works on the task; empty: all
                                           agents.
  --priority <number>                      How much of the agents the task gets while others run
                                           too, from 1 to 9, in proportion; 5 when absent.
  --once-time <time>                       Run it once, at this time.
  --cron <text>                            Run it whenever this cron expression says: minute, hour,
                                           day of month, month, day of week, such as "0 22 * *
                                           MON-FRI".
  --time-zone <text>                       The IANA time zone that the cron expression is meant in,
                                           such as "Europe/Berlin"; UTC when absent.
  --tags <text,...>                        What the task is counted among, such as "wave-2": at most
                                           20, each of 1 to 100 characters, without a semicolon;
                                           upper and lower case are different tags. Give it again,
                                           or part values with commas, for more than one; give ""
                                           for none.
  --update-mask <fields>                   Which fields to change, such as "display_name" or
                                           "settings.max_attempts"; all that are present when
                                           absent, everything with "*".
  --request-json <file>                    The whole request as protojson, from a file or from
                                           standard input (-).
  -h, --help                               Show this help.

Global Options:
  --version                                Show the version.
  --coordinator <url>                      The coordinator, as https://host:port.
  --authority-file <file>                  The coordinator's certificate authority, PEM.
  --token-file <file>                      The administrator's token, or an access token.
  --data <folder>                          The data folder of a coordinator on this machine, which
                                           says the three above.
  --output <format>                        How answers are shown: table or json; table by default.

Only what is given is changed. --update-mask names more fields: one that is named there and not given is cleared.
The exit statuses are in: drover --help
The whole request can also be given as protojson: drover tasks update --request-json FILE
`;
