// A network that misbehaves: it passes TCP connections on, and on request cuts them or holds everything back. It garbles nothing, because
// TLS would notice, and TCP does before.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { HostPort } from '../lib/option-values.ts';

export class ChaosProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: HostPort;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #held = false;

  private constructor(target: HostPort) {
    this.#target = target;
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) =>
      this.#pass(socket),
    );
  }

  /** Listens on a free port of this machine and passes everything on to `target`, which need not be there yet. */
  static async listen(target: HostPort): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts all connections; answers with how many there were. New ones are taken. */
  cut(): number {
    const count = this.#pairs.size;
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
    return count;
  }

  /** Passes nothing on any more, in either direction, until `release`; connections stay open. */
  hold(): void {
    this.#held = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  release(): void {
    this.#held = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(client: Socket): void {
    const server = connect({ ...this.#target, allowHalfOpen: true });
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [server, client] as const]) {
      from.setNoDelay(true);
      from.on('data', (chunk) => {
        if (!to.write(chunk)) from.pause();
      });
      to.on('drain', () => {
        if (!this.#held) from.resume();
      });
      from.on('end', () => to.end());
      // What is wrong with one side is shown to the other by the end of its connection.
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
    if (this.#held) server.pause();
    else client.resume();
  }
}
