// Clients that are in no hurry: they connect and say nothing, or half of something. They must not be in the way of others, and must not stay.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const slowClients = 300;
/** Longer than the coordinator waits for a handshake. */
const patienceMs = 20_000;
/** The first bytes of a TLS handshake, and of HTTP without TLS. */
const halves = ['', '\x16', '\x16\x03\x01\x02\x00\x01', 'GET / HT', 'PRI * HTTP/2.0\r\n'];

/** Answers with what was wrong; `call` is one that has to be answered all the while. */
export async function beSlow(address: string, call: () => Promise<unknown>): Promise<string[]> {
  const { hostname, port } = new URL(address);
  const closed: Promise<unknown>[] = [];
  const sockets: Socket[] = [];
  for (let number = 0; number < slowClients; number++) {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write(halves[number % halves.length]!, 'latin1');
    sockets.push(socket);
    closed.push(once(socket, 'close'));
  }
  const startMs = performance.now();
  await call();
  const callMs = performance.now() - startMs;
  const gone = Promise.all(closed).then(() => true);
  const isGone = await Promise.race([gone, delay(patienceMs, false)]);
  const left = sockets.filter(({ destroyed }) => !destroyed).length;
  for (const socket of sockets) socket.destroy();
  console.log(`${slowClients} slow clients: a call took ${Math.round(callMs)} ms meanwhile, ${left} are still connected after ${patienceMs} ms`); // oxfmt-ignore
  return isGone ? [] : [`${left} of ${slowClients} clients that say nothing are still connected`];
}
