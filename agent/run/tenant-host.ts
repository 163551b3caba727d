// The main thread's side of a tenant: it signs in, keeps in the journal what the threads hold open, and looks at destinations
// before there is a task for them.
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Credential } from '../credential/credential.ts';
import { checkDestination } from '../destination/open-destination.ts';
import type { SharePointAccess } from '../destination/sharepoint/access.ts';
import { throttlingOf, type Throttling } from '../destination/sharepoint/tenant-gate.ts';
import type { HostAnswer, HostQuestion } from '../pool/host.ts';
import type { ItemUpload, JobTenant } from '../pool/jobs.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import { SignInWatch } from './sign-in-watch.ts';

export interface TenantHostParts {
  credential: Credential;
  access: SharePointAccess;
  clock: Clock;
  log: Logger;
}

/** Keeps what a job holds open of one item of its batch; undefined: nothing any more. */
export type KeepUpload = (index: number, upload: ItemUpload | undefined) => Promise<void>;

/** A look at a destination ends by itself well before whoever asked for it gives up; `npm start` tells a person who is slow by it. */
const checkMsMax = 40_000;
const nobodySignedIn = 'nobody has signed in yet; the agent shows a code and where to type it on its standard error'; // oxfmt-ignore

export class TenantHost {
  /** Whether the sign-in works. */
  readonly signIn: SignInWatch;
  readonly #parts: TenantHostParts;
  readonly #ended = new AbortController();
  #awaitsPerson = false;

  constructor(parts: TenantHostParts) {
    this.#parts = parts;
    const { clock, log } = parts;
    this.signIn = new SignInWatch({ tryAgain: (force) => this.#tryToSignIn(force), clock, log });
  }

  /** What throttling cost so far, in all threads. */
  get throttling(): Throttling {
    return throttlingOf(this.#parts.access.gate);
  }

  /** What a job for a thread needs; its port closes with the job. */
  openJob(keep: KeepUpload): JobTenant {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (question: HostQuestion) => void this.#answer(port1, question, keep));
    return { access: this.#parts.access, host: port2 };
  }

  /** Whether a destination can be written to. Throws DroverError that says why not and what was tried. */
  async check(destination: string): Promise<void> {
    const { access, log } = this.#parts;
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(checkMsMax)]);
    const host = {
      token: (forceRefresh: boolean) => this.#token(forceRefresh, signal),
      log: (level: 'debug' | 'info' | 'warn', message: string, fields: object) =>
        log[level](fields, message),
    };
    try {
      await checkDestination(destination, { access, host, run: '', signal });
    } catch (thrown) {
      throw signal.aborted ? this.#unanswered(destination, thrown) : thrown;
    }
  }

  #unanswered(destination: string, cause: unknown): DroverError {
    const about = `"${destination}" could not be looked at`;
    const options = { cause, metadata: { destination } };
    return this.#awaitsPerson
      ? new DroverError(ErrorReason.SIGN_IN_FAILED, `${about}: ${nobodySignedIn}`, options)
      : new DroverError(
          ErrorReason.DESTINATION_BUSY,
          `${about}: the service did not answer in ${checkMsMax / 1000} seconds`,
          options,
        );
  }

  /** Signs in before there is something to do, so that a person is asked, or a wrong secret is found, when the agent starts. */
  async signInEarly(): Promise<void> {
    await this.#tryToSignIn(false);
  }

  /** A person was shown a code, and what needs a sign-in waits for them. */
  awaitPerson(): void {
    this.#awaitsPerson = true;
    // The code stands on the console, with all that is to be said about it.
    this.signIn.raise({ reason: ErrorReason.SIGN_IN_FAILED, message: nobodySignedIn }, false);
  }

  /** Ends every sign-in that is going on. Idempotent. */
  close(): void {
    this.signIn.close();
    this.#ended.abort();
  }

  async #answer(port: MessagePort, question: HostQuestion, keep: KeepUpload): Promise<void> {
    if (question.kind === 'log') {
      this.#parts.log[question.level](question.fields, question.message);
      return;
    }
    const { id } = question;
    try {
      if (question.kind === 'token') {
        const token = await this.#token(question.forceRefresh, this.#ended.signal);
        port.postMessage({ id, ok: true, ...token } satisfies HostAnswer);
      } else {
        await keep(question.index, question.upload);
        port.postMessage({ id, ok: true } satisfies HostAnswer);
      }
    } catch (thrown) {
      const { reason, message } = DroverError.from(thrown);
      port.postMessage({ id, ok: false, reason, message } satisfies HostAnswer);
    }
  }

  async #token(
    forceRefresh: boolean,
    signal: AbortSignal,
  ): Promise<{ token: string; expiresOnMs: number }> {
    try {
      const { token, expiresOnMs } = await this.#parts.credential.accessToken('graph', { forceRefresh, signal }); // oxfmt-ignore
      this.#awaitsPerson = false;
      this.signIn.worked(token);
      return { token, expiresOnMs };
    } catch (thrown) {
      this.signIn.failed(thrown);
      throw thrown;
    }
  }

  /** What comes of it is noted where the token is asked for. */
  async #tryToSignIn(forceRefresh: boolean): Promise<void> {
    await this.#token(forceRefresh, this.#ended.signal).catch(() => undefined);
  }
}
