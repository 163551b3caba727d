// Every connection to the port, from the first byte to the last.
import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Logger } from '../../lib/log.ts';

/** A connection on which nothing happens for so long is asked to end; streams on it go on to their end. */
const idleTimeoutMs = 10 * 60 * 1000;
const keepAliveMs = 30_000;
/** How many connections there may be from one address, so that one machine cannot use up all that the process may have. */
const connectionsPerAddressMax = 2000;
/** What a peer may send ahead on all streams of a connection; the default of 64 KiB would throttle distant agents. */
const connectionWindowBytes = 8 * 1024 * 1024;

/**
 * Knows the connections of a server, closes idle ones, and keeps what is not TLS or not HTTP from doing more than a line in the
 * log.
 */
export class Connections {
  readonly sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  readonly #perAddress = new Map<string, number>();
  readonly #perAddressMax: number;
  readonly #log: Logger;
  #calls = 0;
  #onChange: () => void = () => {};

  constructor(server: Http2SecureServer, log: Logger, perAddressMax = connectionsPerAddressMax) {
    this.#log = log;
    this.#perAddressMax = perAddressMax;
    server.on('connection', (socket: Socket) => this.#addSocket(socket));
    server.on('session', (session) => this.#addSession(session, server.listening));
    server.on('request', (_request, response) => {
      this.#calls += 1;
      response.once('close', () => this.#changed((this.#calls -= 1)));
    });
    server.on('tlsClientError', (error: Error, socket: Socket) => {
      log.debug({ address: socket.remoteAddress, message: error.message }, 'no TLS connection');
      socket.destroy();
    });
    server.on('sessionError', (error: Error) =>
      log.debug({ message: error.message }, 'an HTTP/2 connection broke'),
    );
    server.on('unknownProtocol', (socket: Socket) => socket.destroy());
  }

  /** Resolves when no call is going and no HTTP/2 connection is left. */
  async idle(): Promise<void> {
    while (this.#calls > 0 || this.sessions.size > 0)
      await new Promise<void>((resolve) => (this.#onChange = resolve));
  }

  /** Ends every connection at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #addSocket(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const count = this.#perAddress.get(address) ?? 0;
    if (count >= this.#perAddressMax) {
      this.#log.debug({ address, count }, 'too many connections from one address');
      socket.destroy();
      return;
    }
    this.#perAddress.set(address, count + 1);
    socket.setKeepAlive(true, keepAliveMs);
    this.#sockets.add(socket);
    socket.once('close', () => this.#forget(socket, address));
  }

  #forget(socket: Socket, address: string): void {
    this.#sockets.delete(socket);
    const left = this.#perAddress.get(address)! - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }

  #addSession(session: ServerHttp2Session, listening: boolean): void {
    session.setLocalWindowSize(connectionWindowBytes);
    session.setTimeout(idleTimeoutMs, () => session.close());
    this.sessions.add(session);
    session.once('close', () => this.#changed(this.sessions.delete(session)));
    // It was on its way when the server began to close.
    if (!listening) session.close();
  }

  #changed(_change: unknown): void {
    this.#onChange();
  }
}
