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
  const missing = await runWords(['tasks', 'create', '--source', '/a']);
  t.is(missing.status, 2);
  t.regex(missing.stderr, /--destination/);
  const name = await runWords(['tasks', 'get']);
  t.is(name.status, 2);
  t.regex(name.stderr, /name: is missing; give tasks\/\{task\}/);
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
  --token-file <file>      The administrator's token.
  --data <folder>          The data folder of a coordinator on this machine, which says the three
                           above.
  --output <format>        How answers are shown: table or json; table by default.

The exit statuses are in: drover --help
The whole request can also be given as protojson: drover runs get --request-json FILE
`;

const tasksUpdateHelp = `\
Usage: drover tasks update <name> [options]

Changes a task. A run that is going keeps the values it started with.

Arguments:
  name                                    The resource name, tasks/{task}. {task} alone is enough.

Options:
  --display-name <text>                   A title for people, at most 200 characters.
  --[no-]migrate-hidden-items             Migrate hidden files and folders; on by default. On Linux
                                          and macOS a name with a leading dot is hidden.
  --exclude-extensions <text,...>         Leave out files with these extensions, such as "tmp" or
                                          "tar.gz", whatever their case. Give it again, or part
                                          values with commas, for more than one; give "" for none.
  --exclude-patterns <text,...>           Leave out what matches these patterns, matched with the
                                          path below the source, such as "**/node_modules" or
                                          "*.bak". Give it again, or part values with commas, for
                                          more than one; give "" for none.
  --max-attempts <number>                 How often a file is tried in a run before it is reported
                                          as failed, from 1 to 10; 3 by default.
  --invalid-character-replacement <text>  What takes the place of each character that SharePoint
                                          allows in no name; "_" by default. Empty: such items are
                                          reported as failed.
  --conflict-policy <policy>              What to do with a file whose place at the destination is
                                          taken by another one, or by one that somebody changed;
                                          skip by default. One of skip, overwrite, keep-both,
                                          newer-wins.
  --gone-policy <policy>                  What to do at the destination with what an earlier run of
                                          the task migrated and is gone from the source; keep by
                                          default. One of keep, recycle.
  --recycle-items-max <number>            With the gone policy recycle: how many items a run
                                          recycles at most without asking; 1000 by default. 0: it
                                          always asks.
  --recycle-percent-max <number>          With the gone policy recycle: how many percent of the
                                          items that the task has migrated a run recycles at most
                                          without asking, from 0 to 100; 10 by default.
  --etag <text>                           Changes with every change; a request that carries another
                                          one than the present is refused.
  --agent-group <text>                    The group of agents that works on the task; empty: all
                                          agents.
  --priority <number>                     How much of the agents the task gets while others run too,
                                          from 1 to 9, in proportion; 5 when absent.
  --once-time <time>                      Run it once, at this time.
  --cron <text>                           Run it whenever this cron expression says: minute, hour,
                                          day of month, month, day of week, such as "0 22 * *
                                          MON-FRI".
  --time-zone <text>                      The IANA time zone that the cron expression is meant in,
                                          such as "Europe/Berlin"; UTC when absent.
  --update-mask <fields>                  Which fields to change, such as "display_name" or
                                          "settings.max_attempts"; all that are present when absent,
                                          everything with "*".
  --request-json <file>                   The whole request as protojson, from a file or from
                                          standard input (-).
  -h, --help                              Show this help.

Global Options:
  --version                               Show the version.
  --coordinator <url>                     The coordinator, as https://host:port.
  --authority-file <file>                 The coordinator's certificate authority, PEM.
  --token-file <file>                     The administrator's token.
  --data <folder>                         The data folder of a coordinator on this machine, which
                                          says the three above.
  --output <format>                       How answers are shown: table or json; table by default.

Only what is given is changed. --update-mask names more fields: one that is named there and not given is cleared.
The exit statuses are in: drover --help
The whole request can also be given as protojson: drover tasks update --request-json FILE
`;
