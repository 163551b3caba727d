// Which names are one name to SharePoint and OneDrive, and what a second item of the same name is called. The service compares
// names by a linguistic collation that is not published. Two names that it might take for one are therefore taken for one: the
// price is a number in a name, and the price of the opposite is a file that overwrites another. PURE.

/**
 * The key under which names are equal at the destination: composed, in upper case, with letters that the collation writes in two
 * written in two, and without what it does not see: characters above U+FFFF, such as emoji, and invisible ones. Of a name that
 * has nothing else, nothing is left, and it is one with all others of that kind.
 */
export function foldName(name: string): string {
  if (!/[^\0-\x7f]/v.test(name)) return name.toUpperCase();
  // The letters of western Europe have nothing to compose and nothing unseen, also in upper case.
  if (!/[^\0-\xac\xae-\u012f\u0131-\u017f]/v.test(name)) return spelledOut(inOneCase(name));
  const seen = inOneCase(name.normalize('NFC')).replaceAll(unseen, '');
  return spelledOut(seen).normalize('NFC');
}

/** Upper case, by way of lower case, which brings together what has more than one upper case. */
function inOneCase(name: string): string {
  return name.toLowerCase().toUpperCase();
}

function spelledOut(name: string): string {
  return name.replaceAll(/[ÆŒÞ]/gv, (letter) => twoLetters[letter]!);
}

/** The same for each part of a path. */
export function foldPath(path: string): string {
  return path.split('/').map(foldName).join('/');
}

const unseen = /[\p{Default_Ignorable_Code_Point}\u{10000}-\u{10ffff}]/gv;
const twoLetters: Record<string, string> = { Æ: 'AE', Œ: 'OE', Þ: 'TH' };
