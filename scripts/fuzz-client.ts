// A gRPC client without manners: it sends whatever bytes it is given as the body of a call, and tells what came back.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';

export interface Credentials {
  /** PEM of the authority to trust. */
  ca: Buffer | string;
  /** Bearer token. */
  token?: string;
  /** A client certificate and its key, PEM. */
  identity?: { cert: string; key: string };
}

export interface Answer {
  /** The HTTP status; 0 when the stream was reset. */
  http: number;
  /** The gRPC status; undefined when there was none. */
  grpc: number | undefined;
  message: string;
  /** How the stream was reset; 0 when it ended well. */
  reset: number;
  /** The messages that came back, each without its prefix. */
  frames: Buffer[];
}

/** How a call ends that is not answered in its time. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

const answerTimeoutMs = 30_000;
/** A stream that is still open so long after its first message would go on for ever; and who is not answered by then, sends on. */
const openStreamMs = 150;

export class FuzzClient implements Disposable {
  readonly #address: string;
  readonly #credentials: Credentials;
  #session: ClientHttp2Session | undefined;

  constructor(address: string, credentials: Credentials) {
    this.#address = address;
    this.#credentials = credentials;
  }

  /** Begins a new connection with the next call: a server takes no more on one that made it hold too much. */
  leave(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  /** One call with one message. */
  call(path: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
    const stream = this.#open(path, { 'content-type': 'application/grpc', ...headers });
    stream.end(body);
    return answerOf(stream, path);
  }

  /** One call with several messages, each sent when the one before was written; `next` sees what came back so far. */
  async converse(
    path: string,
    next: (received: readonly Buffer[]) => Uint8Array | undefined,
  ): Promise<Answer> {
    const stream = this.#open(path, { 'content-type': 'application/grpc' });
    const received: Buffer[] = [];
    const answer = answerOf(stream, path, received);
    const first = once(stream, 'data').catch(() => {});
    // Nothing may be sent on a stream that the other side has closed.
    for (let bytes = next(received); bytes !== undefined; bytes = next(received)) {
      if (stream.destroyed || stream.closed || stream.writableEnded) break;
      if (!stream.write(bytes)) await Promise.race([once(stream, 'drain').catch(() => {}), answer]);
      // So that answers come in between, which the next message may refer to.
      if (received.length === 0) await Promise.race([first, answer, delay(openStreamMs)]);
    }
    stream.end();
    return answer;
  }

  [Symbol.dispose](): void {
    this.leave();
  }

  #open(path: string, headers: Record<string, string>): ClientHttp2Stream {
    const { token } = this.#credentials;
    const stream = this.#connected().request({
      ':method': 'POST',
      ':path': path,
      te: 'trailers',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    });
    stream.on('error', () => undefined);
    return stream;
  }

  #connected(): ClientHttp2Session {
    const session = this.#session;
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    const { ca, identity } = this.#credentials;
    const fresh = connect(this.#address, { ca, ...identity });
    fresh.on('error', () => undefined);
    this.#session = fresh;
    return fresh;
  }
}

/** A message as gRPC sends it: a byte that says whether it is compressed, its length, and the bytes. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

async function answerOf(
  stream: ClientHttp2Stream,
  path: string,
  frames: Buffer[] = [],
): Promise<Answer> {
  const answer: Answer = { http: 0, grpc: undefined, message: '', reset: 0, frames };
  let rest = Buffer.alloc(0);
  const take = (headers: Record<string, unknown>) => {
    if (typeof headers['grpc-status'] === 'string') answer.grpc = Number(headers['grpc-status']);
    if (typeof headers['grpc-message'] === 'string')
      answer.message = decodeMessage(headers['grpc-message']);
  };
  stream.on('response', (headers) => {
    answer.http = headers[':status'] ?? 0;
    take(headers);
  });
  stream.on('trailers', take);
  let isOpen: NodeJS.Timeout | undefined;
  stream.on('data', (chunk: Buffer) => {
    // Connect says in the body what is wrong.
    if (answer.http >= 400) answer.message += connectMessage(chunk);
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const length = rest.readUInt32BE(1);
      frames.push(rest.subarray(5, 5 + length));
      rest = rest.subarray(5 + length);
    }
    if (stream.writableEnded)
      isOpen ??= setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), openStreamMs);
  });
  // The other side may have said all while it was still being written to.
  const ended = new Promise<void>((resolve) =>
    ['end', 'close'].forEach((event) => stream.once(event, () => resolve())),
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new NoAnswer(`${path} was not answered in ${answerTimeoutMs} ms`)),
      answerTimeoutMs,
    );
  });
  try {
    await Promise.race([ended, late]);
  } finally {
    clearTimeout(timer);
    clearTimeout(isOpen);
    // To give up too many streams makes the server close the connection.
    if (!stream.writableEnded) stream.end();
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_CANCEL);
  }
  answer.reset = stream.rstCode;
  // What was cancelled by us had begun to answer well.
  if (answer.grpc === undefined && frames.length > 0) answer.grpc = 0;
  return answer;
}

function connectMessage(body: Buffer): string {
  try {
    return String((JSON.parse(body.toString()) as { message?: unknown }).message);
  } catch {
    return body.toString('latin1');
  }
}

function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
