// Ava's `test` for files that share a process. Titles have the file before them, because there titles are unique and here only those of
// one file are; and hooks and serial tests are those of their file. They are all declared at once, as Ava wants it, when each file is here:
// some have to wait for what they need.
import test, { type ImplementationFn } from 'ava';
import { FileTurn, type Turns } from './file-turn.ts';

type Run = ImplementationFn<[], unknown>;

const declarations: (() => void)[] = [];
let current: { name: string; turn: FileTurn } | undefined;

/** The file whose tests come next, and with whom it takes turns. */
export function nameFile(file: string, turns: Turns): void {
  current = { name: file.replace(/\.test\.ts$/, ''), turn: new FileTurn(turns) };
}

/** Declares the tests of all files that were named. */
export function declareTests(): void {
  for (const declare of declarations.splice(0)) declare();
}

export default Object.assign(declare, {
  serial: (title: string, run: Run) => add(test, title, turn().serialTest(run)),
  skip: (title: string, run: Run) => add(test.skip, title, run),
  before: (run: Run) => turn().addBefore(run),
  after: { always: (run: () => unknown) => turn().addAfter(run) },
});

function declare<Args extends unknown[]>(
  title: string,
  run: ImplementationFn<Args, unknown>,
  ...args: Args
): void {
  add(
    test,
    title,
    turn().test((t) => run(t, ...args)),
  );
}

function add(to: (title: string, run: Run) => void, title: string, run: Run): void {
  const fullTitle = `${file().name}: ${title}`;
  declarations.push(() => to(fullTitle, run));
}

function turn(): FileTurn {
  return file().turn;
}

function file(): NonNullable<typeof current> {
  if (current === undefined) throw new Error('no file was named whose tests these are');
  return current;
}
