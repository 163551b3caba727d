// A CONNECT proxy through which a client that knows only Microsoft's host names comes to the emulator. It hands connections
// over inside the process and never opens one of its own, so that nothing can reach the real services by it.
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from '../../lib/log.ts';
import { isLocalHost, isMicrosoftHost } from './host-names.ts';
import { createHttpServer } from './create-http-server.ts';

export interface ProxyParts {
  tls: Server;
  http: Server;
  log: Logger;
}

export function createProxy({ tls, http, log }: ProxyParts): Server {
  const proxy = createHttpServer((request, response) => {
    response.writeHead(403, { 'Content-Type': 'text/plain; charset=utf-8' });
    response.end(
      `This proxy of the emulator knows the method CONNECT only, not ${request.method}; use an https address.\n`,
    );
  });
  proxy.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const target = request.url ?? '';
    const server = serverFor(target, tls, http);
    if (server === undefined) {
      log.info({ target }, 'the proxy refused to lead out of the emulator');
      socket.end(refusal(target));
      return;
    }
    if (head.length > 0) socket.unshift(head);
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    server.emit('connection', socket);
  });
  return proxy;
}

function serverFor(target: string, tls: Server, http: Server): Server | undefined {
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(target.toLowerCase()) ?? [];
  if (isMicrosoftHost(host)) return port === '443' ? tls : port === '80' ? http : undefined;
  if (!isLocalHost(host)) return undefined;
  return [tls, http].find(
    (server) => (server.address() as AddressInfo | null)?.port === Number(port),
  );
}

function refusal(target: string): string {
  const body = `The emulator's proxy leads to the emulator only: ${printable(target)} is neither one of Microsoft's host names that it stands in for nor itself.\n`;
  return [
    'HTTP/1.1 403 Forbidden',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}

function printable(text: string): string {
  return text.slice(0, 255).replaceAll(/[^\x21-\x7e]/g, '?');
}
