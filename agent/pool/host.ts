// What a job in a thread asks of the agent's main thread, which alone signs in, keeps the journal and writes the log.
import type { MessagePort } from 'node:worker_threads';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { LogLine } from '../destination/sharepoint/access.ts';
import type { ItemUpload } from './jobs.ts';

/** A question; each but the log line is answered under its number. */
export type HostQuestion =
  | { kind: 'token'; id: number; forceRefresh: boolean }
  /** `upload` undefined: nothing is open of the item any more. */
  | { kind: 'remember'; id: number; index: number; upload: ItemUpload | undefined }
  | { kind: 'log'; level: 'debug' | 'info' | 'warn'; message: string; fields: object };

export type HostAnswer =
  | { id: number; ok: true; token: string; expiresOnMs: number }
  | { id: number; ok: true }
  /** `reason` is a number of drover.v1.ErrorReason. */
  | { id: number; ok: false; reason: number; message: string };

/** The job's end of the port. */
export class HostClient implements Disposable {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, (answer: HostAnswer) => void>();
  #lastId = 0;
  #isClosed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (answer: HostAnswer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    port.on('close', () => {
      this.#isClosed = true;
      for (const [id, answered] of this.#waiting) answered({ id, ...gone });
      this.#waiting.clear();
    });
  }

  /** A token for Graph. Throws DroverError with a reason of the sign-in. */
  async token(forceRefresh: boolean): Promise<{ token: string; expiresOnMs: number }> {
    const answer = await this.#ask((id) => ({ kind: 'token', id, forceRefresh }));
    if ('token' in answer) return answer;
    throw new TypeError('the main thread answered without a token');
  }

  /** Resolves when the journal has it. */
  async remember(index: number, upload: ItemUpload | undefined): Promise<void> {
    await this.#ask((id) => ({ kind: 'remember', id, index, upload }));
  }

  readonly log: LogLine = (level, message, fields) => {
    this.#port.postMessage({ kind: 'log', level, message, fields } satisfies HostQuestion);
  };

  [Symbol.dispose](): void {
    this.#port.close();
  }

  async #ask(question: (id: number) => HostQuestion): Promise<HostAnswer & { ok: true }> {
    const id = ++this.#lastId;
    const answered = Promise.withResolvers<HostAnswer>();
    if (this.#isClosed) answered.resolve({ id, ...gone });
    else this.#waiting.set(id, answered.resolve);
    this.#port.postMessage(question(id));
    const answer = await answered.promise;
    if (answer.ok) return answer;
    throw new DroverError(answer.reason as ErrorReason, answer.message);
  }
}

/** What is answered to whatever is still asked when the port has closed. */
const gone = {
  ok: false,
  reason: ErrorReason.CANCELLED,
  message: 'the job has ended, and with it its way to the main thread',
} as const;
