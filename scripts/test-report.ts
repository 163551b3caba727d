// Reads what ava reports for people. Its report in the Test Anything Protocol would be made for programs, but ava itself dies of an error
// that has no place in the code, before anything says which test had it.
export interface TestReport {
  passed: number;
  /** Tests and hooks that failed, and what else is wrong, such as a file that ended too early. */
  failed: number;
  skipped: number;
  /** What is said of all that failed, its names first; nothing of what passed. */
  failures: string;
  /** Whether ava came to its end and summed up. */
  isWhole: boolean;
}

/** Ava has other signs where the terminal knows no better ones. */
const passedLine = /^ {2}[✔√] /;
const failedLine = /^ {2}(?:[✘×] |Uncaught exception in |Unhandled rejection in )/;
const skippedLine = /^ {2}- \[(?:skip|todo)\] /;
/** What a test logged; indented further than what begins with one of the above. */
const loggedLine = /^ {4}/;
const summaryLine = /^ {2}\d+ (?:tests?|hooks?|known failures?|unhandled|uncaught|previous) ?/;

/** Reads the whole standard output of one run. */
export function readTestReport(output: string): TestReport {
  const lines = output.split('\n');
  const count = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length;
  return {
    passed: count(passedLine),
    failed: count(failedLine),
    skipped: count(skippedLine),
    failures: withoutGood(lines).join('\n').trim(),
    isWhole: lines.some((line) => summaryLine.test(line)),
  };
}

/** Leaves out what passed or was skipped, with what it logged. */
function withoutGood(lines: readonly string[]): string[] {
  let isGood = false;
  return lines.filter((line) => {
    isGood = passedLine.test(line) || skippedLine.test(line) || (isGood && loggedLine.test(line));
    return !isGood;
  });
}
