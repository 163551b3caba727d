// What others chose, such as names of files and tasks, cannot write lines of its own into a log.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import test from 'ava';

const forged = '\n{"level":50,"msg":"forged"}\r\n\u2028\u001b[31mred';

/** What a process with a log of its own writes to standard error. */
function logged(code: string): string[] {
  const source = `import { createLog } from ${JSON.stringify(path.join(import.meta.dirname, 'log.ts'))};
    const log = createLog('test', 'info'); ${code}`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', source]);
  return stderr.toString().trimEnd().split('\n');
}

test('a line of the log is one line, whatever is in it', (t) => {
  const text = JSON.stringify(forged);
  const lines = logged(`log.info({ path: ${text}, err: new Error(${text}) }, ${text});`);
  t.is(lines.length, 1);
  const { path: written, msg } = JSON.parse(lines[0]!) as { path: string; msg: string };
  t.deepEqual([written, msg], [forged, forged]);
  t.false(lines[0]!.includes('\u001b'), 'nothing that acts on a terminal');
});

test('secrets are not written where they are called so', (t) => {
  const [line] = logged(
    `log.info({ token: 'planted', call: { token: 'planted', secret: 'planted' } });`,
  );
  t.false(line!.includes('planted'));
});
