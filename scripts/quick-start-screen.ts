// What a person sees of the quick start: lines, and a run that is drawn over itself.
import type { Run } from '../gen/drover/v1/run_pb.ts';
import { LiveDisplay } from './live-display.ts';
import type { LocalProcess } from './local-process.ts';
import { followPersonWords } from './person-words.ts';

export class Screen {
  #display = newDisplay();

  show(run: Run): void {
    this.#display.show(run);
  }

  /** A line in between: what was drawn stays above it. */
  say(line: string): void {
    say(line);
    this.#display = newDisplay();
  }

  /** Shows a process's words for a person, such as a code to sign in with, which would stay in its log otherwise. */
  showWordsOf({ logFile }: LocalProcess<unknown>): AsyncDisposable {
    const ended = new AbortController();
    const following = followPersonWords(logFile, (line) => this.say(line), ended.signal);
    return {
      [Symbol.asyncDispose]: async () => {
        ended.abort();
        await following;
      },
    };
  }
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function newDisplay(): LiveDisplay {
  return new LiveDisplay(process.stdout, () => performance.now());
}
