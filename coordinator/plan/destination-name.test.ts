import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { isReplacement, nameAtDestination, nameLengthMax } from './destination-name.ts';

const { NAME_INVALID, PATH_TOO_LONG, TEMPORARY_FILE } = ErrorReason;
type Kinds = 'file' | 'folder' | 'both';

const kindsOf = (kinds: Kinds) => (kinds === 'both' ? (['file', 'folder'] as const) : [kinds]);
const place = (kind: 'file' | 'folder', more: { replacement?: string; root?: boolean } = {}) => ({
  kind,
  atLibraryRoot: more.root ?? false,
  replacement: more.replacement ?? '_',
});
/** A title: the runner takes titles for the same that differ in spaces only. */
const words = (text: string) =>
  JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text).replaceAll(' ', '␣');

// oxfmt-ignore
const kept: [kinds: Kinds, names: string[]][] = [
  ['both', ['a', 'report.docx', '.hidden', '...a', '..a', 'a.b.c', 'a b', 'a .txt', 'a. b', '-', '--help', '+', '$', '~a~'.slice(1)]],
  ['both', ['C#', '100%', '%20', "it's", 'R&D', 'a&b;', '&#x41;', '&#;', '&amp;', '#1', '{a}', '[a]', 'a=b', 'a@b', 'a^b', 'a`b', 'a!b', 'a,b;c']],
  ['both', ['Übersicht', 'naïve', 'ß', 'İ', '日本語', '한글', 'שלום', '😭.txt', '𠮷野家', '：', '＊', '？', '\u00a0a\u00a0', 'a\u0085b', '\u200b']],
  ['both', ['CONSOLE', 'CON1', 'con man', 'ICON', 'PRN_', 'AUXILIARY', 'NULL', 'null.txt', 'COM', 'COM10', 'LPT', 'LPT10.txt', 'CO', 'a.CON', 'a CON']],
  ['both', ['lock', 'a.lock', '.lock.txt', '.locks', 'desktop', 'desktop.init', 'my desktop.ini', 'vti', '_vti', 'vti_', '_vt_i', 'forms.txt', 'forms2', 'a~$b']],
  ['both', ['page_files', 'page_Dateien', 'Thumbs.db', '.DS_Store', 'a.aspx', 'x'.repeat(nameLengthMax), 'é'.repeat(nameLengthMax)]],
  ['both', ['\ufa19社', '\u{2f800}']],
  ['file', ['~', '~a', '~a.docx', '~WRL0001.tmp', '~~$a', '\u309b', '\u1027a']],
  ['folder', ['a\u309b']],
];
for (const [kinds, names] of kept)
  for (const name of names)
    test(`kept, ${kinds}: ${words(name)}`, (t) => {
      for (const kind of kindsOf(kinds))
        for (const replacement of ['_', ''])
          t.deepEqual(nameAtDestination(name, place(kind, { replacement })), { name });
    });

// oxfmt-ignore
const replaced: [kinds: Kinds, name: string, expected: string, message: RegExp][] = [
  // Characters that no name may have.
  ['both', 'a"b', 'a_b', /has """ at place 2/],
  ['both', 'a*b', 'a_b', /"\*" at place 2/],
  ['both', 'a:b', 'a_b', /":" at place 2/],
  ['both', 'a<b', 'a_b', /"<"/],
  ['both', 'a>b', 'a_b', /">"/],
  ['both', 'a?b', 'a_b', /"\?"/],
  ['both', 'a/b', 'a_b', /"\/"/],
  ['both', 'a\\b', 'a_b', /"\\"/],
  ['both', 'a|b', 'a_b', /"\|"/],
  ['both', 'what? no: "yes" *', 'what_ no_ _yes_ _', /"\?" at place 5/],
  ['both', '::', '__', /":" at place 1/],
  ['both', 'a\0b', 'a_b', /U\+0000 at place 2/],
  ['both', 'a\x01b', 'a_b', /U\+0001/],
  ['both', 'a\tb', 'a_b', /U\+0009/],
  ['both', 'a\nb', 'a_b', /U\+000A/],
  ['both', 'a\x1fb', 'a_b', /U\+001F/],
  ['both', 'a\x7fb', 'a_b', /U\+007F/],
  ['both', 'a\ud800b', 'a_b', /U\+D800/],
  ['both', 'a\udc00', 'a_', /U\+DC00/],
  ['both', '\udc00\ud800', '__', /U\+DC00 at place 1/],
  ['both', '😭\ud83d', '😭_', /U\+D83D at place 3/],
  ['both', 'a&#65;b', 'a_#65;b', /"&#…;" at place 2/],
  ['both', '&#1;&#22;', '_#1;_#22;', /"&#…;" at place 1/],
  // Beginnings and ends.
  ['both', ' a', '_a', /begins with a space/],
  ['both', '  a', '__a', /begins with a space/],
  ['both', 'a ', 'a_', /ends with a space/],
  ['both', 'a.', 'a_', /ends with a dot/],
  ['both', 'a...', 'a___', /ends with a dot/],
  ['both', 'a. . ', 'a____', /ends with a space/],
  ['both', ' ', '_', /begins with a space/],
  ['both', ' . ', '___', /begins with a space/],
  ['both', '...', '___', /ends with a dot/],
  ['both', 'etc.', 'etc_', /ends with a dot/],
  ['folder', '~', '_', /begins with "~"/],
  ['folder', '~a', '_a', /begins with "~"/],
  ['folder', '~~a', '__a', /begins with "~"/],
  ['folder', '~$a', '_$a', /begins with "~"/],
  ['folder', ' ~a', '_~a', /begins with a space/],
  ['folder', '\u309ba', '_a', /begins with "\u309b"/],
  ['folder', '\u1027', '_', /begins with "\u1027"/],
  // Names that the service keeps for itself.
  ['both', '.lock', '.lock_', /keeps the name "\.lock"/],
  ['both', '.LOCK', '.LOCK_', /keeps the name "\.LOCK"/],
  ['both', 'CON', 'CON_', /keeps the name "CON"/],
  ['both', 'con', 'con_', /keeps the name "con"/],
  ['both', 'Prn', 'Prn_', /keeps/],
  ['both', 'aux', 'aux_', /keeps/],
  ['both', 'NUL', 'NUL_', /keeps/],
  ['both', 'COM0', 'COM0_', /keeps/],
  ['both', 'com9', 'com9_', /keeps/],
  ['both', 'LPT0', 'LPT0_', /keeps/],
  ['both', 'lpt9', 'lpt9_', /keeps/],
  ['both', 'CON.txt', 'CON_.txt', /keeps the name "CON"/],
  ['both', 'aux.tar.gz', 'aux_.tar.gz', /keeps/],
  ['both', 'com1 .log', 'com1_ .log', /keeps/],
  ['folder', 'desktop.ini', 'desktop_.ini', /keeps/],
  // What replacing made of a name is looked at again.
  ['both', ' CON', '_CON', /space/],
  ['both', 'CON ', 'CON_', /space/],
  ['both', 'a: ', 'a__', /":"/],
  // Composed, whatever it was.
  ['both', 'e\u0301:', 'é_', /":" at place 2/],
];
for (const [kinds, name, expected, message] of replaced)
  test(`replaced, ${kinds}: ${words(name)}`, (t) => {
    for (const kind of kindsOf(kinds)) {
      t.deepEqual(nameAtDestination(name, place(kind)), { name: expected });
      const again = nameAtDestination(expected, place(kind, { replacement: '' }));
      t.deepEqual(again, { name: expected }, 'what was replaced is a good name');
      const refused = nameAtDestination(name, place(kind, { replacement: '' }));
      t.like(refused, { refused: NAME_INVALID });
      t.regex('message' in refused ? refused.message : '', message);
    }
  });

// oxfmt-ignore
const others: [kinds: Kinds, name: string, replacement: string, expected: string][] = [
  ['both', 'a:b*', '-', 'a-b-'],
  ['both', 'CON', 'x', 'CONx'],
  ['both', 'CO:', 'N', 'CONN'],
  ['both', 'com:', '1', 'com11'],
  ['both', '.loc?', 'k', '.lockk'],
  ['file', '~:a', '$', '$$a'],
  ['folder', '~:a', '$', '$$a'],
  ['both', '::', '\uff1a', '\uff1a\uff1a'],
];
for (const [kinds, name, replacement, expected] of others)
  test(`replaced by ${replacement}, ${kinds}: ${words(name)}`, (t) => {
    for (const kind of kindsOf(kinds))
      t.deepEqual(nameAtDestination(name, place(kind, { replacement })), { name: expected });
  });

test('a library has a folder of its own called Forms', (t) => {
  for (const kind of ['file', 'folder'] as const)
    for (const name of ['forms', 'Forms', 'FORMS']) {
      t.deepEqual(nameAtDestination(name, place(kind)), { name });
      t.deepEqual(nameAtDestination(name, place(kind, { root: true })), { name: `${name}_` });
      const refused = nameAtDestination(name, place(kind, { root: true, replacement: '' }));
      t.like(refused, { refused: NAME_INVALID });
    }
  t.deepEqual(nameAtDestination('forms.txt', place('file', { root: true })), { name: 'forms.txt' });
});

test('what a program leaves while it works is refused as that, but only files are', (t) => {
  for (const name of ['~$a.docx', '~$', 'desktop.ini', 'Desktop.INI', '~$a:b']) {
    for (const replacement of ['_', ''])
      t.like(nameAtDestination(name, place('file', { replacement })), { refused: TEMPORARY_FILE });
    t.true('name' in nameAtDestination(name, place('folder')), name);
  }
});

test('nothing makes a good name of what holds _vti_', (t) => {
  for (const name of ['_vti_', '_VTI_cnf', 'a_vti_b.txt', '_vti:', ':vti_'])
    for (const kind of ['file', 'folder'] as const)
      t.like(nameAtDestination(name, place(kind)), { refused: NAME_INVALID }, name);
  t.deepEqual(nameAtDestination('_vti:', place('file', { replacement: '-' })), { name: '_vti-' });
});

test('names are sent composed, and what composing would change into another character is not', (t) => {
  const name = (text: string) => nameAtDestination(text, place('file'));
  t.deepEqual(name('U\u0308bersicht'), { name: 'Übersicht' });
  t.deepEqual(name('\u1112\u1161\u11ab'), { name: '한' });
  t.deepEqual(name('\ufa19e\u0301\ufa19'), { name: '\ufa19é\ufa19' });
  t.deepEqual(name('\u212b'), { name: 'Å' });
});

test('a name is counted as it arrives', (t) => {
  const long = (text: string, kind: 'file' | 'folder' = 'file') =>
    nameAtDestination(text, place(kind));
  t.like(long('x'.repeat(256)), { refused: PATH_TOO_LONG });
  t.regex((long('x'.repeat(300), 'folder') as { message: string }).message, /300 characters.*255/);
  t.deepEqual(long('e\u0301'.repeat(255)), { name: 'é'.repeat(255) });
  t.like(long('😭'.repeat(128)), { refused: PATH_TOO_LONG });
  t.like(long(`CON.${'x'.repeat(251)}`), { refused: PATH_TOO_LONG });
});

test('a good replacement makes a good name wherever it stands', (t) => {
  let count = 0;
  for (let code = 0; code < 0x10000; code += 1) {
    const replacement = String.fromCharCode(code);
    if (!isReplacement(replacement)) continue;
    count += 1;
    for (const kind of ['file', 'folder'] as const)
      for (const name of ['a', `${replacement}a`, `a${replacement}`, replacement])
        if (!('name' in nameAtDestination(name, place(kind, { replacement: '' }))))
          t.fail(`U+${code.toString(16)} in ${JSON.stringify(name)}`);
  }
  t.true(count > 30_000, `${count} characters can replace others`);
  for (const text of ['', '__', ' ', '.', '~', '&', ':', '\n', '\ud800', '\u0301', '\u{1f600}'])
    t.false(isReplacement(text), words(text));
});
