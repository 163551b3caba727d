// Secrets that a test has planted, and the search for them in everything that the processes wrote.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { levelFolders, levelRows } from './level-rows.ts';

/** Something that processes wrote, and where. */
export interface Written {
  where: string;
  bytes: Buffer;
}

export class PlantedSecrets {
  readonly #forms = new Map<string, Buffer[]>();
  readonly #patterns = new Map<string, RegExp>();

  /** `what` names it in messages. */
  plant(what: string, secret: string | Uint8Array): void {
    this.#forms.set(what, formsOf(Buffer.from(secret)));
  }

  /** What every secret of a kind has, where the test does not know the secret itself. */
  plantKind(what: string, pattern: RegExp): void {
    this.#patterns.set(what, pattern);
  }

  /** Each secret that is found somewhere: `what in where`, sorted. */
  foundIn(written: readonly Written[]): string[] {
    const found = written.flatMap(({ where, bytes }) => {
      const text = bytes.toString('latin1');
      const known = [...this.#forms].filter(([, forms]) => forms.some((form) => bytes.includes(form))); // oxfmt-ignore
      const kinds = [...this.#patterns].filter(([, pattern]) => pattern.test(text));
      return [...known, ...kinds].map(([what]) => `${what} in ${where}`);
    });
    return [...new Set(found)].toSorted();
  }
}

/** Every file below a folder, by its path below it. */
export function filesBelow(folder: string): Written[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => ({ where: path.relative(folder, file), bytes: readFileSync(file) }));
}

/** Every row of every store and journal below a folder; no process has one of them open. */
export async function rowsBelow(folder: string): Promise<Written[]> {
  const written: Written[] = [];
  for (const database of levelFolders(folder))
    for (const bytes of await levelRows(database))
      written.push({ where: `a row of ${path.relative(folder, database)}`, bytes });
  return written;
}

/** What others on this computer see of a process. */
export function seenOf(pid: number, what: string): Written[] {
  return ['cmdline', 'environ'].map((name) => ({
    where: `${name} of ${what}`,
    bytes: readFileSync(`/proc/${pid}/${name}`),
  }));
}

/** As it is, and as programs write bytes and texts. */
function formsOf(secret: Buffer): Buffer[] {
  const text = secret.toString('utf8');
  const texts = [
    secret.toString('hex'),
    secret.toString('hex').toUpperCase(),
    encodeURIComponent(text),
    JSON.stringify(text).slice(1, -1),
    ...[0, 1, 2].flatMap((shift) => base64Of(secret, shift)),
  ];
  const forms = [secret, Buffer.from(text, 'utf16le'), ...texts.map((form) => Buffer.from(form))];
  return forms.filter(({ length }) => length > 0);
}

/** The middle of it, which is the same whatever stands before and after; `shift`: bytes of the group of three before it. */
function base64Of(secret: Buffer, shift: number): string[] {
  const whole = Buffer.concat([Buffer.alloc(shift), secret]);
  const begin = Math.ceil((shift * 8) / 6);
  const end = Math.floor((whole.length * 8) / 6);
  return (['base64', 'base64url'] as const).map((form) => whole.toString(form).slice(begin, end));
}
