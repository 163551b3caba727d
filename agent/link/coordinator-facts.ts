// What a coordinator tells everybody: the time there, and how people sign in to it. Asked by plain HTTP/2, because gRPC hides the date
// that every answer carries.
import { connect, constants, type ClientHttp2Session } from 'node:http2';
import { fromJsonString } from '@bufbuild/protobuf';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  CallerService,
  GetSignInResponseSchema,
  type GetSignInResponse,
} from '../../gen/drover/v1/caller_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { formatHostPort } from '../../lib/option-values.ts';
import type { CoordinatorAddress } from './coordinator-way.ts';
import { openTls } from './tls-probe.ts';

export interface CoordinatorFacts {
  /** Milliseconds since 1970, to the second. */
  timeMs: number;
  /** Undefined when no tenant is known there: then people have a token. */
  signIn: GetSignInResponse | undefined;
}

const timeoutMs = 10_000;
const answerLengthMax = 64 * 1024;

/**
 * Asks a coordinator that was recognised by its authority, PEM. Throws UNAVAILABLE when what answers is none, COORDINATOR_MISMATCH when it is another one.
 */
export async function readCoordinatorFacts(
  address: CoordinatorAddress,
  authority: string,
  signal?: AbortSignal,
): Promise<CoordinatorFacts> {
  const socket = await openTls(address, { ca: authority }, signal);
  const session = connect(`https://${formatHostPort(address)}`, { createConnection: () => socket });
  const stop = () => session.destroy(new Error('stopped'));
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const { status, date, body } = await call(session);
    const timeMs = Date.parse(date);
    if (Number.isNaN(timeMs)) throw new Error(`its answer has no date (status ${status})`);
    return { timeMs, signIn: status === 200 ? readSignIn(body) : undefined };
  } catch (cause) {
    throw new DroverError(
      ErrorReason.UNAVAILABLE,
      `the coordinator at ${formatHostPort(address)} does not answer as it should: ${(cause as Error).message}`,
      { cause, metadata: { coordinator: formatHostPort(address) } },
    );
  } finally {
    signal?.removeEventListener('abort', stop);
    session.destroy();
  }
}

function call(
  session: ClientHttp2Session,
): Promise<{ status: number; date: string; body: string }> {
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    session.setTimeout(timeoutMs, () => session.destroy(new Error('no answer')));
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: `/${CallerService.typeName}/${CallerService.method.getSignIn.name}`,
      'content-type': 'application/json',
    });
    let status = 0;
    let date = '';
    let body = '';
    stream.setEncoding('utf8');
    stream.on('response', (headers) => {
      status = headers[':status'] ?? 0;
      date = String(headers['date'] ?? '');
    });
    stream.on('data', (text: string) => {
      body += text;
      if (body.length > answerLengthMax) stream.destroy(new Error('its answer is too long'));
    });
    stream.on('error', reject);
    stream.on('end', () => resolve({ status, date, body }));
    stream.on('close', () => reject(new Error('the connection was cut')));
    stream.end('{}');
  });
}

function readSignIn(body: string): GetSignInResponse | undefined {
  const signIn = fromJsonString(GetSignInResponseSchema, body, { ignoreUnknownFields: true });
  return signIn.tenant === '' ? undefined : signIn;
}
