// A real server that webhooks lead to, which answers as a test says.
import type { ExecutionContext } from 'ava';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Received {
  headers: Record<string, string>;
  body: string;
}

/** A status, or what else is done with a request. */
export type Answer = number | ((response: ServerResponse) => void);

export class Endpoint {
  readonly received: Received[] = [];
  answer: Answer = 204;
  readonly url: string;
  #waiting: (() => void) | undefined;

  private constructor(url: string) {
    this.url = url;
  }

  /** Ends with the test; with a certificate it speaks TLS. */
  static async open(
    t: ExecutionContext,
    tls?: { cert: string; key: string },
    host = '127.0.0.1',
  ): Promise<Endpoint> {
    const take = (request: IncomingMessage, response: ServerResponse) =>
      void endpoint.#take(request, response);
    const server = tls === undefined ? createServer(take) : createTlsServer(tls, take);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    const scheme = tls === undefined ? 'http' : 'https';
    const endpoint = new Endpoint(`${scheme}://${host}:${port}/hook?to=us`);
    return endpoint;
  }

  /** Waits until there were so many requests; answers with all of them. */
  async until(count: number): Promise<Received[]> {
    while (this.received.length < count)
      await new Promise<void>((resolve) => (this.#waiting = resolve));
    return this.received;
  }

  /** What the requests so far told. */
  get types(): string[] {
    return this.received.map(({ body }) => (JSON.parse(body) as { type: string }).type);
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const headers = request.headers as Record<string, string>;
    this.received.push({ headers, body: Buffer.concat(parts).toString() });
    if (typeof this.answer === 'number') response.writeHead(this.answer).end('thanks');
    else this.answer(response);
    this.#waiting?.();
  }
}
