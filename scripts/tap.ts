// Reads what ava says in the Test Anything Protocol.
export interface TapCounts {
  passed: number;
  failed: number;
  skipped: number;
  /** Each failure, with what is known about it. */
  failures: string[];
}

/** Reads the whole output of one run; zeros where the run broke off before its summary. */
export function countTap(output: string): TapCounts {
  const lines = output.split('\n');
  // The summary stands at the end; a test may have logged lines that look like it before.
  const summary = (word: string) =>
    Number(
      lines.findLast((line) => line.startsWith(`# ${word} `))?.slice(`# ${word} `.length) ?? 0,
    );
  return {
    passed: summary('pass'),
    failed: summary('fail'),
    skipped: summary('skip'),
    failures: failuresOf(lines),
  };
}

function failuresOf(lines: readonly string[]): string[] {
  const failures: string[][] = [];
  let current: string[] | undefined;
  for (const line of lines) {
    if (/^(not ok|ok) \d+ |^1\.\.\d+$/.test(line)) current = undefined;
    if (line.startsWith('not ok ')) failures.push((current = []));
    current?.push(line);
  }
  return failures.map((block) => block.join('\n').trimEnd());
}
