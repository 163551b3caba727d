// Which names SharePoint and OneDrive take, and what stands in for those that they do not. Where the facts about the service
// differ, the rule here is the one that cannot lose a file: it replaces a name that might have been taken. PURE.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';

/** The most characters, counted in UTF-16 units, that SharePoint takes in one name. */
export const nameLengthMax = 255;
/** What takes the place of a character that SharePoint takes in no name, unless a task says otherwise. */
export const replacementDefault = '_';

/** Where a name is to stand, and what replaces what cannot stand in it. */
export interface NamePlace {
  kind: 'file' | 'folder';
  /** Directly in a document library, which has names of its own. */
  atLibraryRoot: boolean;
  /** One character, see `isReplacement`; empty: a name that needs it is refused. */
  replacement: string;
}

/** Why something cannot be at the destination. */
export interface Refusal {
  refused: ErrorReason;
  message: string;
  /** The filter that leaves it out, where it is one. */
  rule?: string;
}

/**
 * The name under which a file or folder can stand at the destination: its own, wherever that can be. Names are sent composed
 * (NFC), as Windows and browsers write them: to the service both forms are one name, but what macOS wrote decomposed is hard
 * to type and to search for elsewhere. Compatibility ideographs stay, because composing would make other characters of them.
 */
export function nameAtDestination(name: string, place: NamePlace): { name: string } | Refusal {
  const { kind, replacement } = place;
  if (kind === 'file' && temporary.test(name))
    return { refused: ErrorReason.TEMPORARY_FILE, message: 'a program left it while it worked' };
  let result = composed(name);
  if (suspect.test(result)) {
    for (const { pattern, only, what } of rules) {
      const index = only === undefined || only === kind ? result.search(pattern) : -1;
      if (index < 0) continue;
      if (replacement === '') return invalid(what(result, index));
      result = result.replaceAll(pattern, (part) => replacement.repeat(part.length));
    }
    const reserved = reservedPart(result, place);
    if (reserved !== '' && replacement === '')
      return invalid(`SharePoint keeps the name "${reserved}" for itself`);
    if (reserved !== '') result = `${reserved}${replacement}${result.slice(reserved.length)}`;
    if (/_vti_/iv.test(result))
      return invalid('the name holds "_vti_", which SharePoint keeps for itself');
  }
  return refuseLongName(result) ?? { name: result };
}

/** Refuses a name that is longer than SharePoint takes. */
export function refuseLongName(name: string): Refusal | undefined {
  if (name.length <= nameLengthMax) return undefined;
  const message = `the name has ${name.length} characters at the destination, and SharePoint takes ${nameLengthMax}`;
  return { refused: ErrorReason.PATH_TOO_LONG, message };
}

/** Whether the text can replace a character wherever it stands in a name: one visible character that no rule forbids. */
export function isReplacement(text: string): boolean {
  return text.length === 1 && !/[\p{C}\p{Z}\p{M}"*:<>?\/\\\|.~\u0026\u309b\u1027]/v.test(text);
}

const temporary = /^(?:~\$|desktop\.ini$)/iv;
const compatibilityIdeographs = /[^\uf900-\ufaff\u{2f800}-\u{2fa1f}]+/gv;

function composed(name: string): string {
  // Most names are plain, and then this look is all they cost.
  if (!/[^\0-\u02ff]/v.test(name)) return name;
  return name.replaceAll(compatibilityIdeographs, (part) => part.normalize('NFC'));
}

interface Rule {
  /** What is replaced, character by character. */
  pattern: RegExp;
  /** The kind that the rule is for; both when absent. */
  only?: NamePlace['kind'];
  /** Says what stands in the name from `index` on. */
  what: (name: string, index: number) => string;
}

/** In the order in which they are applied: what one puts in must not offend one before it. */
const rules: readonly Rule[] = [
  {
    pattern: /[[\p{Cc}\p{Cs}"*:<>?\/\\\|]--[\x80-\x9f]]/gv,
    what: (name, index) =>
      `the name has ${shown(name, index)} at place ${index + 1}, which SharePoint takes in no name`,
  },
  {
    pattern: /&(?=#\d+;)/gv,
    what: (_name, index) =>
      `the name has a character written as "&#…;" at place ${index + 1}, which SharePoint does not take`,
  },
  {
    pattern: /^ +/gv,
    what: () => 'the name begins with a space, which SharePoint does not take',
  },
  {
    pattern: /[ .]+$/gv,
    what: (name) =>
      `the name ends with a ${name.endsWith(' ') ? 'space' : 'dot'}, which SharePoint does not take`,
  },
  {
    pattern: /^~+/gv,
    only: 'folder',
    what: () => 'the name begins with "~", which SharePoint takes for no folder',
  },
  {
    pattern: /^[\u309b\u1027]/gv,
    only: 'folder',
    what: (name) => `the name begins with ${shown(name, 0)}, which SharePoint takes for no folder`,
  },
  {
    // Only a replacement that is a dollar sign makes such a name of a file, and it is no temporary file.
    pattern: /^~(?=\$)/gv,
    only: 'file',
    what: () => 'the name begins with "~$", which SharePoint does not take',
  },
];

/** Matches every name that a rule is for, and few others. */
const suspect =
  /[[\p{Cc}\p{Cs}"*:<>?\/\\\|]--[\x80-\x9f]]|&#|^[ ~\u309b\u1027]|[ .]$|_vti_|^(?:con|prn|aux|nul|com\d|lpt\d) *(?:\.|$)|^(?:\.lock|forms|desktop\.ini)$/iv;

/**
 * The beginning of the name that the service keeps for itself; empty where it keeps none. Names of devices count also with an
 * extension: whether the service refuses those is not known, but OneDrive's own client does.
 */
function reservedPart(name: string, { kind, atLibraryRoot }: NamePlace): string {
  const [, device] = /^(con|prn|aux|nul|com\d|lpt\d) *(?:\.|$)/iv.exec(name) ?? [];
  if (device !== undefined) return device;
  if (/^\.lock$/iv.test(name)) return name;
  if (atLibraryRoot && /^forms$/iv.test(name)) return name;
  if (kind === 'folder' && /^desktop\.ini$/iv.test(name)) return name.slice(0, 'desktop'.length);
  return '';
}

function invalid(message: string): Refusal {
  return { refused: ErrorReason.NAME_INVALID, message };
}

/** A character as a message can hold it. */
function shown(name: string, index: number): string {
  const character = name.charAt(index);
  if (!/[\p{Cc}\p{Cs}]/v.test(character)) return `"${character}"`;
  return `the character U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}
