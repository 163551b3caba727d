// A client without manners, in a thread of its own: it calls as often as it is answered, on several connections, until it is told to end.
// Then it says how its calls were answered, by HTTP status.
import { connect, type ClientHttp2Session } from 'node:http2';
import { parentPort, workerData } from 'node:worker_threads';

export interface FloodOptions {
  address: string;
  /** PEM. */
  authority: string;
  token: string;
  connections: number;
  /** Calls that each connection has open all the time. */
  callsAtOnce: number;
}

/** What it tells. */
export interface FloodMessage {
  /** The first answer with this status has come. */
  first?: string;
  /** How many answers there were of each status, at the end. */
  answers?: Record<string, number>;
}

const { address, authority, token, connections, callsAtOnce } = workerData as FloodOptions;
const answers: Record<string, number> = {};

function call(session: ClientHttp2Session): void {
  if (session.destroyed || session.closed) return;
  const stream = session.request({
    ':method': 'POST',
    ':path': '/drover.v1.TaskService/ListTasks',
    'content-type': 'application/json',
    authorization: `Bearer ${token}`,
  });
  let status = 'cut';
  stream.on('response', (headers) => (status = String(headers[':status'])));
  stream.on('error', () => {});
  stream.on('close', () => {
    if (answers[status] === undefined) parentPort!.postMessage({ first: status });
    answers[status] = (answers[status] ?? 0) + 1;
    call(session);
  });
  stream.resume();
  stream.end('{}');
}

const sessions = Array.from({ length: connections }, () => {
  const session = connect(address, { ca: authority });
  session.on('error', () => {});
  session.on('connect', () => {
    for (let count = 0; count < callsAtOnce; count += 1) call(session);
  });
  return session;
});

parentPort!.once('message', () => {
  parentPort!.postMessage({ answers });
  for (const session of sessions) session.destroy();
  parentPort!.close();
});
