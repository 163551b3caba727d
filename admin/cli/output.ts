// Where a command writes to. A write is awaited, so that a slow reader slows the command down and
// nothing piles up.
export interface Output {
  /** Resolves when the text, or the bytes, were taken; throws OutputClosed when nobody reads any longer. */
  write(text: string | Uint8Array): Promise<void>;
  /** A person looks at it, and lines can be drawn over. */
  readonly isTerminal: boolean;
  /** Columns of the terminal at this moment; 80 where there is none. */
  readonly columns: number;
}

/** Whoever read the output has gone, as `head` does when it has enough. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

/** The output of a process, such as standard output. */
export function streamOutput(stream: NodeJS.WriteStream): Output {
  // The error also arrives at the write's callback, which throws it; without a listener it would
  // end the process.
  stream.on('error', () => {});
  return {
    write: (text) =>
      new Promise((resolve, reject) =>
        stream.write(text, (error) => {
          if (error === undefined || error === null) resolve();
          else reject(new OutputClosed(error.message, { cause: error }));
        }),
      ),
    get isTerminal() {
      return stream.isTTY;
    },
    get columns() {
      return stream.isTTY ? stream.columns : 80;
    },
  };
}
