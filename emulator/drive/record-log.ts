// What happened to a drive, one JSON object a line, appended before the caller is answered: a killed process loses nothing, a
// machine that loses its power may. It is read at each start, and written anew when most of it is out of date.
import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';

/** An open log. */
export class RecordLog {
  #descriptor: number | undefined;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Goes on behind the first bytes of a file; what comes after them was cut off by a kill. */
  static reopen(file: string, lengthBytes: number): RecordLog {
    const descriptor = openSync(file, 'a');
    ftruncateSync(descriptor, lengthBytes);
    return new RecordLog(descriptor);
  }

  /** Replaces the file by these records and goes on behind them. */
  static rewrite(file: string, records: Iterable<object>): RecordLog {
    const part = `${file}.new`;
    const descriptor = openSync(part, 'w');
    let text = '';
    for (const record of records) {
      text += `${JSON.stringify(record)}\n`;
      if (text.length < chunkBytes) continue;
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

const chunkBytes = 1 << 20;

/** A log as far as it is whole. */
export interface LogExtent {
  lines: number;
  lengthBytes: number;
}

/**
 * Gives every record of a log to `take`; none when there is no such file. What a killed process left of a last line is passed
 * over. Throws when a line in the midst is no record.
 */
export function readRecords(file: string, take: (record: unknown) => void): LogExtent {
  const extent = { lines: 0, lengthBytes: 0 };
  if (!existsSync(file)) return extent;
  for (const line of completeLines(file)) {
    try {
      take(JSON.parse(line.toString()));
    } catch (cause) {
      throw new Error(`${file} is damaged in line ${extent.lines + 1}`, { cause });
    }
    extent.lines++;
    extent.lengthBytes += line.length + 1;
  }
  return extent;
}

const lineFeed = 10;

function* completeLines(file: string): Generator<Buffer> {
  const descriptor = openSync(file, 'r');
  try {
    let rest = Buffer.alloc(0);
    for (;;) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const length = readSync(descriptor, chunk);
      if (length === 0) return;
      const read = Buffer.concat([rest, chunk.subarray(0, length)]);
      let start = 0;
      for (let end = read.indexOf(lineFeed); end >= 0; end = read.indexOf(lineFeed, start)) {
        yield read.subarray(start, end);
        start = end + 1;
      }
      rest = read.subarray(start);
    }
  } finally {
    closeSync(descriptor);
  }
}
