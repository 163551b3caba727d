import path from 'node:path';
import test from 'ava';
import { parseQuickStart, type QuickStart } from './quick-start-options.ts';

const around = { root: '/drover', startFolder: '/srv', nowMs: 0, clientSecret: undefined };
const share = ['--source', 'a', '--destination', 'file:///srv/b'];

/** What is answered, and what is said for a person, as commander says it. */
function parse(...args: string[]): { answer: QuickStart | number; said: string } {
  const write = process.stderr.write.bind(process.stderr);
  let said = '';
  process.stderr.write = (text: string | Uint8Array) => {
    said += String(text);
    return true;
  };
  try {
    return { answer: parseQuickStart(args, around), said };
  } finally {
    process.stderr.write = write;
  }
}

test('what does not go together is refused with status 2 and the reason', (t) => {
  for (const [args, words] of [
    [[...share, '--tenant', 'contoso.com'], /--tenant is for destinations in SharePoint/],
    [[...share, '--small'], /--small is for the sample/],
    [['--source', 'a'], /--source and --destination are given together/],
    [['--destination', 'b'], /--source and --destination are given together/],
    [['--tenant', 'contoso.com'], /--tenant needs --source and --destination, too/],
    [['--no-such-option'], /unknown option '--no-such-option'/],
    [['stray', ...share], /too many arguments/],
  ] as const) {
    const { answer, said } = parse(...args);
    t.is(answer, 2, said);
    t.regex(said, words);
  }
});

test('places are those of where the person stands', (t) => {
  const { answer } = parse(...share, '--data', 'data', '--keep');
  t.like(answer, { source: path.resolve('/srv/a'), data: path.resolve('/srv/data'), keep: true });
});
