// Calls methods of the coordinator by their descriptors. What can be repeated without harm, as the
// schema says, is repeated while the coordinator cannot be reached, which may just be restarting, and when
// it says that there were too many calls. The token of a person who is signed in is renewed on the way.
import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  Message,
} from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Idempotency } from '@bufbuild/protobuf/wkt';
import type { Interceptor, Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { pause, type Clock } from '../../lib/time.ts';
import { WideSessions } from '../../lib/wide-sessions.ts';
import { fixedCredential, type Credential } from '../sign-in/person-credential.ts';
import { contentField } from './content-field.ts';
import { callError, isUnauthenticated, isUnavailable, retryDelayMs } from './call-error.ts';
import type { CoordinatorAccess } from './coordinator-access.ts';

/** How long one call may take before it counts as unavailable, unless it is said otherwise. */
const callTimeoutMs = 60_000;
/** A stream whose other end does not answer a ping is broken. */
const pingIntervalMs = 20_000;
/** The pauses before a call is repeated; there are no more repetitions than pauses. */
const retryPausesMs: readonly number[] = [200, 400, 800, 1600, 3200];

/** How often a call is repeated that was one too many. */
const tooManyRetriesMax = 2;
/** The longest that the coordinator can ask to wait before that. */
const retryDelayMsMax = 10_000;

export interface CallerOptions {
  access: CoordinatorAccess;
  /** What is shown; the token of the access when absent. */
  credential?: Credential | undefined;
  clock: Clock;
  signal: AbortSignal;
  /** @default the pauses of the command line: 6 s in all */
  retryPausesMs?: readonly number[];
}

/** Calls one coordinator; every failure is a DroverError. */
export class Caller {
  readonly #options: CallerOptions;
  readonly #pausesMs: readonly number[];
  readonly #credential: Credential | undefined;
  readonly #transport: Transport;

  constructor(options: CallerOptions) {
    const { access } = options;
    this.#options = options;
    this.#pausesMs = options.retryPausesMs ?? retryPausesMs;
    const { token } = access;
    this.#credential =
      options.credential ?? (token === undefined ? undefined : fixedCredential(token));
    const trusted = access.authority === undefined ? {} : { ca: access.authority };
    this.#transport = createGrpcTransport({
      baseUrl: access.address,
      sessionManager: new WideSessions(access.address, trusted, { pingIntervalMs }),
      interceptors: this.#credential === undefined ? [] : [bearer(this.#credential)],
      readMaxBytes: 64 * 1024 * 1024,
    });
  }

  async unary(
    method: DescMethodUnary<DescMessage, DescMessage>,
    request: Message,
    timeoutMs = callTimeoutMs,
  ): Promise<Message> {
    const { signal, access } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      try {
        // A refused credential, and one that cannot be had, are no trouble of the connection.
        await this.#credential?.token();
        const response = await this.#transport.unary(method, signal, timeoutMs, {}, request);
        return response.message;
      } catch (thrown) {
        // It was refused before anything was done.
        if (isUnauthenticated(thrown) && this.#credential?.refused()) continue;
        const again = isRepeatable(method.idempotency) && (await this.#wait(thrown, attempt));
        if (!again) throw callError(thrown, access);
      }
    }
  }

  /**
   * The messages of a stream; one that breaks is opened again, because it begins with the state of
   * everything. One that carries the content of a file is not when some of it is here: it could have changed.
   */
  async *stream(
    method: DescMethodServerStreaming<DescMessage, DescMessage>,
    request: Message,
  ): AsyncGenerator<Message> {
    const { signal, access } = this.#options;
    let hasBegun = false;
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#credential?.token();
        const response = await this.#transport.stream(method, signal, undefined, {}, once(request));
        for await (const message of response.message) {
          attempt = 0;
          hasBegun = true;
          yield message;
        }
        return;
      } catch (thrown) {
        if (hasBegun && contentField(method) !== undefined) throw callError(thrown, access);
        if (isUnauthenticated(thrown) && this.#credential?.refused()) continue;
        const again = isRepeatable(method.idempotency) && (await this.#wait(thrown, attempt));
        if (!again) throw callError(thrown, access);
      }
    }
  }

  /** Waits before the next attempt; false when there is none. */
  async #wait(thrown: unknown, attempt: number): Promise<boolean> {
    const { clock, signal } = this.#options;
    const askedMs = attempt < tooManyRetriesMax ? retryDelayMs(thrown) : undefined;
    const pauseMs = askedMs ?? (isUnavailable(thrown) ? this.#pausesMs[attempt] : undefined);
    if (pauseMs === undefined || pauseMs > retryDelayMsMax || signal.aborted) return false;
    await pause(clock, pauseMs, signal);
    return !signal.aborted;
  }
}

function isRepeatable(level: Idempotency): boolean {
  return level === Idempotency.NO_SIDE_EFFECTS || level === Idempotency.IDEMPOTENT;
}

function bearer(credential: Credential): Interceptor {
  return (next) => async (request) => {
    request.header.set('authorization', `Bearer ${await credential.token()}`);
    return next(request);
  };
}

/** The transport asks for an asynchronous iterable, even for one request. */
async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}
