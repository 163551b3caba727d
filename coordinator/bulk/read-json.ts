// JSON as people write it, with comments, trailing commas and a byte order mark, with the place of every key. It is read in slices, since a file of
// tasks can have millions of tokens: jsonc-parser finds the tokens, what they mean together is decided here. PURE.
import { createScanner, type JSONScanner } from 'jsonc-parser';
import type { FileNote, Pause } from './task-file.ts';

/** A value with where it begins. Of an object, keys are in their order; one that is there twice is there twice. */
export type PlacedValue = { line: number; column: number } & (
  | { kind: 'object'; entries: { key: string; line: number; column: number; value: PlacedValue }[] }
  | { kind: 'array'; values: PlacedValue[] }
  | { kind: 'literal'; value: unknown }
);

/** How deep values are nested, at most: files of tasks have five levels. */
const depthMax = 50;
/** Some milliseconds' work, after which others get a turn. */
const sliceCharacters = 32 * 1024;

type Open = PlacedValue & { kind: 'object' | 'array' };
type Place = { line: number; column: number };

/** jsonc-parser's kinds of tokens; it has no values of them that a program could name. */
const { openBrace, closeBrace, openBracket, closeBracket, comma, colon, nullWord, trueWord, falseWord, text, number, unknown, end } = { openBrace: 1, closeBrace: 2, openBracket: 3, closeBracket: 4, comma: 5, colon: 6, nullWord: 7, trueWord: 8, falseWord: 9, text: 10, number: 11, unknown: 16, end: 17 } as const; // oxfmt-ignore
/** Comments, spaces and ends of lines. */
const trivia: ReadonlySet<number> = new Set([12, 13, 14, 15]);

/** What is wrong with a token, by jsonc-parser's number; after some of it the next token can be read all the same. */
const tokenErrors: Readonly<Record<number, { message: string; isWhole: boolean }>> = {
  1: { message: 'the comment has no end', isWhole: false },
  2: { message: 'the text has no end', isWhole: false },
  3: { message: 'the number has no end', isWhole: false },
  4: { message: String.raw`\u has to be followed by four hexadecimal digits`, isWhole: true },
  5: { message: String.raw`a backslash in a text has to be written twice, \\`, isWhole: true },
  6: { message: 'a text cannot have this character; write it as an escape', isWhole: true },
};

/** Reads a JSON text; `root` is undefined when it cannot be read, and `problems` say where. Others get a turn in between. */
export async function readJson(
  content: string,
  pause: Pause,
): Promise<{ root: PlacedValue | undefined; problems: FileNote[] }> {
  const reader = new JsonReader(content);
  for (let until = sliceCharacters; reader.readUntil(until); until += sliceCharacters)
    await pause();
  const { root, problems } = reader;
  return { root: problems.length > 0 ? undefined : root, problems };
}

/** Takes one token after the other; what may come next is a state, so that it can stop at any of them. */
class JsonReader {
  root: PlacedValue | undefined;
  readonly problems: FileNote[] = [];
  readonly #scanner: JSONScanner;
  /** The objects and arrays that have begun, the innermost last. */
  readonly #open: Open[] = [];
  #key: Place & { key: string } = { key: '', line: 0, column: 0 };
  /** What comes next: `item` is a value or the end of the array, `key` one or the end of the object, `next` a comma or the end of either. */
  #wanted: 'value' | 'item' | 'key' | 'colon' | 'next' | 'end' | 'nothing' = 'value';

  constructor(content: string) {
    this.#scanner = createScanner(content);
  }

  /** Reads on to this character; answers whether there is more to read. */
  readUntil(character: number): boolean {
    while (this.#wanted !== 'nothing' && this.#scanner.getPosition() < character) this.#readOne();
    return this.#wanted !== 'nothing';
  }

  #readOne(): void {
    const token: number = this.#scanner.scan();
    const error = tokenErrors[this.#scanner.getTokenError()];
    if (error !== undefined) this.#refuse(error.message);
    if (error?.isWhole === false) this.#wanted = 'nothing';
    else if (token === unknown) this.#stop('this begins no value');
    else if (!trivia.has(token)) this.#take(token);
  }

  #take(token: number): void {
    switch (this.#wanted) {
      case 'value':
        return this.#takeValue(token);
      case 'item':
        return token === closeBracket ? this.#close() : this.#takeValue(token);
      case 'key':
        return this.#takeKey(token);
      case 'colon':
        if (token !== colon) return this.#stop('a colon is missing');
        this.#wanted = 'value';
        return;
      case 'next':
        return this.#takeNext(token);
      case 'end':
        if (token !== end) return this.#stop('nothing can come after the last bracket');
        this.#wanted = 'nothing';
        return;
      case 'nothing':
    }
  }

  #takeValue(token: number): void {
    const place = this.#place();
    switch (token) {
      case openBrace:
        return this.#begin({ ...place, kind: 'object', entries: [] }, 'key');
      case openBracket:
        return this.#begin({ ...place, kind: 'array', values: [] }, 'item');
      case text:
        return this.#addLiteral(this.#scanner.getTokenValue());
      case number:
        return this.#addLiteral(Number(this.#scanner.getTokenValue()));
      case nullWord:
        return this.#addLiteral(null);
      case trueWord:
      case falseWord:
        return this.#addLiteral(token === trueWord);
      default:
        return this.#stop('a value is missing');
    }
  }

  #takeKey(token: number): void {
    if (token === closeBrace) return this.#close();
    if (token !== text) return this.#stop('a key is missing, in quotes');
    this.#key = { key: this.#scanner.getTokenValue(), ...this.#place() };
    this.#wanted = 'colon';
  }

  #takeNext(token: number): void {
    const isObject = this.#open.at(-1)?.kind === 'object';
    if (token === (isObject ? closeBrace : closeBracket)) return this.#close();
    if (token === end || token === closeBrace || token === closeBracket)
      return this.#stop(isObject ? 'the closing } is missing' : 'the closing ] is missing');
    this.#wanted = isObject ? 'key' : 'item';
    if (token === comma) return;
    // What is meant is clear, so that what else is wrong can be told as well.
    this.#refuse('a comma is missing');
    this.#take(token);
  }

  #begin(value: Open, wanted: 'key' | 'item'): void {
    this.#add(value);
    this.#open.push(value);
    this.#wanted = wanted;
    if (this.#open.length <= depthMax) return;
    this.problems.push({ ...this.#place(), field: '', message: `is nested more than ${depthMax} deep` }); // oxfmt-ignore
    this.#wanted = 'nothing';
  }

  #close(): void {
    this.#open.pop();
    this.#wanted = this.#open.length === 0 ? 'end' : 'next';
  }

  #addLiteral(value: unknown): void {
    this.#add({ ...this.#place(), kind: 'literal', value });
    this.#wanted = this.#open.length === 0 ? 'end' : 'next';
  }

  #add(value: PlacedValue): void {
    const parent = this.#open.at(-1);
    if (parent === undefined) this.root = value;
    else if (parent.kind === 'array') parent.values.push(value);
    else parent.entries.push({ ...this.#key, value });
  }

  #place(): Place {
    const scanner = this.#scanner;
    return { line: scanner.getTokenStartLine() + 1, column: scanner.getTokenStartCharacter() + 1 };
  }

  #refuse(why: string): void {
    this.problems.push({ ...this.#place(), field: '', message: `cannot be read as JSON here: ${why}` }); // oxfmt-ignore
  }

  #stop(why: string): void {
    this.#refuse(why);
    this.#wanted = 'nothing';
  }
}
