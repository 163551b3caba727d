// What happened to a drive, one JSON object a line, appended before the caller is answered: a killed process loses nothing, a
// machine that loses its power may. It is read, shortened and written anew at each start.
import { closeSync, createReadStream, existsSync, openSync, renameSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** An open log. */
export class RecordLog {
  #descriptor: number | undefined;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Replaces the file by these records and goes on behind them. */
  static rewrite(file: string, records: Iterable<object>): RecordLog {
    const part = `${file}.new`;
    const descriptor = openSync(part, 'w');
    let text = '';
    for (const record of records) {
      text += `${JSON.stringify(record)}\n`;
      if (text.length < chunkLength) continue;
      writeSync(descriptor, text);
      text = '';
    }
    if (text !== '') writeSync(descriptor, text);
    renameSync(part, file);
    return new RecordLog(descriptor);
  }

  append(record: object): void {
    if (this.#descriptor === undefined) throw new Error('the log of this drive is closed');
    writeSync(this.#descriptor, `${JSON.stringify(record)}\n`);
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

const chunkLength = 1 << 20;

/** The records of a log; none when there is no such file. What a killed process left of a last line is passed over. */
export async function* readRecords(file: string): AsyncGenerator<unknown> {
  if (!existsSync(file)) return;
  let torn: unknown;
  for await (const line of createInterface({
    input: createReadStream(file),
    crlfDelay: Infinity,
  })) {
    if (torn !== undefined) throw new Error(`${file} is damaged`, { cause: torn });
    try {
      yield JSON.parse(line);
    } catch (error) {
      torn = error;
    }
  }
}
