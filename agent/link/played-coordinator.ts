// A coordinator for tests: a real TLS server with its own authority on port 0, of which the test writes every line.
import '../../lib/reflect-metadata.ts';
import { createHash, randomBytes, type X509Certificate as Peer } from 'node:crypto';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { Code, ConnectError, createContextKey, createContextValues } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import * as x509 from '@peculiar/x509';
import { CallerService, type GetSignInResponseSchema } from '../../gen/drover/v1/caller_pb.ts';
import {
  AgentSessionService,
  AttachResponseSchema,
  EnrollmentService,
  type AttachRequest,
  type AttachResponse,
  type JoinRequest,
} from '../../gen/drover/v1/session_pb.ts';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { AsyncQueue } from '../../lib/async-queue.ts';
import { formatJoinToken } from '../../lib/join-token.ts';
import { timestampFromMs } from '../../lib/time.ts';
import { version } from '../../lib/version.ts';
import type { CoordinatorAddress } from './coordinator-way.ts';

type RequestCase = NonNullable<AttachRequest['frame']['case']>;
type RequestValue<C extends RequestCase> = Extract<AttachRequest['frame'], { case: C }>['value'];
type ResponseFrame = NonNullable<MessageInitShape<typeof AttachResponseSchema>['frame']>;

x509.cryptoProvider.set(globalThis.crypto);
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const peerKey = createContextKey<Peer | undefined>(undefined);
const queueLimit = 10_000;
/** A name of every played coordinator that leads nowhere, but where a test makes a way. */
export const playedName = 'coordinator.test';

/** One attached stream, as the coordinator sees it. */
export class PlayedSession {
  readonly received = new AsyncQueue<AttachRequest>(queueLimit);
  readonly sent = new AsyncQueue<AttachResponse>(queueLimit);
  readonly #frames = this.received[Symbol.asyncIterator]();
  /** The common name in the agent's certificate. */
  readonly agent: string;

  constructor(agent: string) {
    this.agent = agent;
  }

  send(frame: ResponseFrame): void {
    this.sent.push(create(AttachResponseSchema, { frame }));
  }

  /** Sends bytes as if they were a frame: what a coordinator that lost its mind would write. */
  sendBytes(bytes: Uint8Array): void {
    this.sent.push(frameOfBytes(bytes));
  }

  welcome(): void {
    const heartbeatInterval = { seconds: 0n, nanos: 250_000_000 };
    this.send({ case: 'welcome', value: { agent: `agents/${this.agent}`, heartbeatInterval } });
  }

  /** The next frame that is no heartbeat; undefined when the agent has ended the stream. */
  async next(): Promise<AttachRequest['frame'] | undefined> {
    for (;;) {
      const { value, done } = await this.#frames.next();
      if (done === true) return undefined;
      if (value.frame.case !== 'heartbeat') return value.frame;
    }
  }

  /** The next frame that is no heartbeat, which has to be of this kind. */
  async expect<C extends RequestCase>(kind: C): Promise<RequestValue<C>> {
    const frame = await this.next();
    if (frame?.case !== kind) throw new Error(`expected ${kind}, got ${frame?.case}`);
    return frame.value as RequestValue<C>;
  }

  /** The next heartbeat; other frames before it are an error. */
  async heartbeat(): Promise<RequestValue<'heartbeat'>> {
    const { value } = await this.#frames.next();
    if (value?.frame.case !== 'heartbeat') throw new Error(`got ${value?.frame.case}`);
    return value.frame.value;
  }
}

/** A message that is encoded as exactly these bytes, unless they begin with no field: then a field that nobody knows stands before them. */
function frameOfBytes(bytes: Uint8Array): AttachResponse {
  const frame = create(AttachResponseSchema);
  const reader = new BinaryReader(bytes);
  const unknown = { no: 4000, wireType: WireType.Varint, data: Uint8Array.of(0) };
  try {
    const [no, wireType] = reader.tag();
    frame.$unknown = [{ no, wireType, data: bytes.slice(reader.pos) }];
  } catch {
    frame.$unknown = [unknown, { no: 1, wireType: WireType.Bit32, data: bytes }];
  }
  return frame;
}

export class PlayedCoordinator implements AsyncDisposable {
  readonly joins: JoinRequest[] = [];
  renewals = 0;
  readonly sessions = new AsyncQueue<PlayedSession>(queueLimit);
  readonly #attached = this.sessions[Symbol.asyncIterator]();
  readonly #connections = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Http2SecureServer;
  readonly #authority: Authority;
  readonly secret = randomBytes(32).toString('base64url');
  /** How long certificates live, in milliseconds; they began to as long ago as `certificateAgeMs`. */
  certificateLifeMs = 24 * 3600 * 1000;
  certificateAgeMs = 0;
  version = version;
  /** Of somebody who may let agents join. */
  entraToken = '';
  /** How people sign in to it. */
  signIn: MessageInitShape<typeof GetSignInResponseSchema> = {};
  /** How much later it is here than on the rest of this machine. */
  clockAheadMs = 0;
  /** What an agent with a certificate is refused with: the metadata of UNAUTHENTICATED. */
  refusesWith: Record<string, string> | undefined;

  private constructor(authority: Authority, server: Http2SecureServer) {
    this.#authority = authority;
    this.#server = server;
  }

  static async start(): Promise<PlayedCoordinator> {
    const authority = await createAuthority();
    const { certificate, privateKey } = await serverCertificate(authority);
    let played: PlayedCoordinator | undefined;
    const server = createSecureServer(
      {
        key: privateKey,
        cert: certificate + authority.certificate.toString('pem'),
        ca: authority.certificate.toString('pem'),
        requestCert: true,
        rejectUnauthorized: false,
      },
      (request, response) => played!.#handler(request, response),
    );
    played = new PlayedCoordinator(authority, server);
    server.on('session', (connection) => {
      played.#connections.add(connection);
      connection.on('close', () => played.#connections.delete(connection));
      connection.on('error', () => undefined);
    });
    // A connection that a client left in the middle of something may keep its socket, and that would keep the server.
    server.on('connection', (socket: Socket) => {
      played.#sockets.add(socket);
      socket.on('close', () => played.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return played;
  }

  get address(): CoordinatorAddress {
    const { port } = this.#server.address() as AddressInfo;
    return { host: '127.0.0.1', port, proxy: undefined };
  }

  get fingerprint(): string {
    const der = Buffer.from(this.#authority.certificate.rawData);
    return createHash('sha256').update(der).digest('hex');
  }

  get joinToken(): string {
    return formatJoinToken({ authorityFingerprint: this.fingerprint, secret: this.secret });
  }

  /** The next stream that an agent opens. */
  async session(): Promise<PlayedSession> {
    return (await this.#attached.next()).value!;
  }

  /** Breaks every connection, as a failing network does. */
  cut(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  readonly #handler = connectNodeAdapter({
    routes: (router) => {
      router.service(EnrollmentService, {
        join: async (request) => {
          this.joins.push(request);
          const isVouched = request.entraToken !== '' && request.entraToken === this.entraToken;
          if (request.token !== this.secret && !isVouched) throw refusal();
          const certificate = await this.#issue(request.certificateRequest);
          return { agent: 'agents/one', certificate };
        },
        renewCertificate: async (request, context) => {
          if (context.values.get(peerKey) === undefined) throw refusal();
          this.renewals += 1;
          this.certificateAgeMs = 0;
          return { certificate: await this.#issue(request.certificateRequest) };
        },
        getIdentity: (_request, context) => {
          if (context.values.get(peerKey) === undefined) throw refusal();
          if (this.refusesWith !== undefined) throw refusal('UNAUTHENTICATED', this.refusesWith);
          return {
            agent: 'agents/one',
            version: this.version,
            time: timestampFromMs(Date.now() + this.clockAheadMs),
          };
        },
      });
      router.service(CallerService, { getSignIn: () => this.signIn });
      router.service(AgentSessionService, {
        attach: (requests, context) => {
          const peer = context.values.get(peerKey);
          if (peer === undefined) throw new ConnectError('no certificate', Code.Unauthenticated);
          if (this.refusesWith !== undefined) throw refusal('UNAUTHENTICATED', this.refusesWith);
          const session = new PlayedSession(/CN=(.*)/.exec(peer.subject)![1]!);
          this.sessions.push(session);
          void pump(requests, session.received);
          // A stream that the coordinator ends first has no end of its requests.
          context.signal.addEventListener('abort', () => session.received.end());
          return session.sent;
        },
      });
    },
    contextValues: (request) => {
      const socket = request.socket as TLSSocket;
      const values = createContextValues();
      if (socket.authorized) values.set(peerKey, socket.getPeerX509Certificate());
      return values;
    },
  });

  async #issue(der: Uint8Array): Promise<string> {
    const request = new x509.Pkcs10CertificateRequest(new Uint8Array(der));
    if (!(await request.verify())) throw new ConnectError('not signed', Code.InvalidArgument);
    const beginMs = Date.now() - this.certificateAgeMs;
    const issued = await x509.X509CertificateGenerator.create({
      subject: 'CN=one',
      issuer: this.#authority.certificate.subject,
      notBefore: new Date(beginMs),
      notAfter: new Date(beginMs + this.certificateLifeMs),
      publicKey: request.publicKey,
      signingKey: this.#authority.privateKey,
      signingAlgorithm: algorithm,
      extensions: [new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.2'])],
    });
    return issued.toString('pem');
  }
}

interface Authority {
  certificate: x509.X509Certificate;
  privateKey: x509.X509CertificateCreateSelfSignedParams['keys']['privateKey'];
}

async function createAuthority(): Promise<Authority> {
  const keys = (await crypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as x509.X509CertificateCreateSelfSignedParams['keys'];
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=played authority ${randomBytes(4).toString('hex')}`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 1000),
    notAfter: new Date(Date.now() + 3600 * 1000),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return { certificate, privateKey: keys.privateKey };
}

async function serverCertificate(
  authority: Authority,
): Promise<{ certificate: string; privateKey: string }> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=played coordinator',
    issuer: authority.certificate.subject,
    notBefore: new Date(Date.now() - 1000),
    notAfter: new Date(Date.now() + 3600 * 1000),
    publicKey: keys.publicKey as unknown as x509.PublicKeyType,
    signingKey: authority.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        { type: 'dns', value: playedName },
      ]),
    ],
  });
  const der = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  const privateKey = x509.PemConverter.encode(der, 'PRIVATE KEY');
  return { certificate: `${certificate.toString('pem')}\n`, privateKey };
}

async function pump(requests: AsyncIterable<AttachRequest>, received: AsyncQueue<AttachRequest>) {
  try {
    for await (const request of requests) received.push(request);
  } catch {
    // the connection was cut; the test sees the end
  }
  received.end();
}

function refusal(
  reason = 'JOIN_TOKEN_USED',
  metadata: Record<string, string> = { maxUses: '1' },
): ConnectError {
  const info = { reason, domain: 'drover', metadata };
  return new ConnectError('the join token was used up: 100%', Code.Unauthenticated, undefined, [
    { desc: ErrorInfoSchema, value: info },
  ]);
}
