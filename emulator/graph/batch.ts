// POST /$batch: up to 20 calls in one, each answered as if it had come alone.
import { Readable } from 'node:stream';
import { buffer, text as textOfStream } from 'node:stream/consumers';
import { DriveError } from '../drive/drive-error.ts';
import type { Exchange, Reply } from '../http/exchange.ts';
import { json, type Call } from './call.ts';
import { objectOf, objectsOf, readJson, textOf, textsOf, type JsonObject } from './request-body.ts';

const requestsMax = 20;

interface BatchRequest {
  id: string;
  method: string;
  url: string;
  headers: Record<string, string>;
  body: unknown;
  dependsOn: string[];
}

interface BatchResponse {
  id: string;
  status: number;
  headers: Record<string, string>;
  body?: unknown;
}

/** Answers a batch; requests run one after the other, those that others depend on first. */
export async function answerBatch(call: Call): Promise<Reply> {
  const body = await readJson(call.exchange.body);
  const requests = objectsOf(body, 'requests').map(parseRequest);
  checkRequests(requests);
  const responses = new Map<string, BatchResponse>();
  // Each round runs what waits for nothing; when there is nothing of that kind, they wait for each other.
  for (let waiting = requests; waiting.length > 0;) {
    const ready = waiting.filter(({ dependsOn }) => dependsOn.every((id) => responses.has(id)));
    if (ready.length === 0)
      throw new DriveError('invalidRequest', 'The requests depend on each other.');
    for (const request of ready)
      responses.set(request.id, await answerOne(call, request, responses));
    waiting = waiting.filter((request) => !ready.includes(request));
  }
  return json(200, { responses: [...responses.values()] });
}

function parseRequest(request: JsonObject): BatchRequest {
  const id = textOf(request, 'id');
  const method = textOf(request, 'method');
  const url = textOf(request, 'url');
  if (id === undefined || method === undefined || url === undefined)
    throw new DriveError('invalidRequest', 'A request of the batch lacks its id, method or url.');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(objectOf(request, 'headers') ?? {}))
    headers[name.toLowerCase()] = String(value);
  const dependsOn = textsOf(request, 'dependsOn');
  return { id, method: method.toUpperCase(), url, headers, body: request['body'], dependsOn };
}

function checkRequests(requests: BatchRequest[]): void {
  const fault = batchFault(requests);
  if (fault !== undefined) throw new DriveError('invalidRequest', fault);
}

function batchFault(requests: BatchRequest[]): string | undefined {
  const ids = new Set(requests.map(({ id }) => id));
  if (requests.length === 0) return 'The batch has no requests.';
  if (requests.length > requestsMax)
    return `Number of batch request steps exceeds the maximum value of ${requestsMax}.`;
  if (ids.size < requests.length) return 'Two requests of the batch have the same id.';
  if (requests.some(({ dependsOn }) => dependsOn.some((id) => !ids.has(id))))
    return 'A request depends on one that is not in the batch.';
  if (requests.some(({ url }) => /\$batch/i.test(url))) return 'A batch cannot hold a batch.';
  return undefined;
}

async function answerOne(
  call: Call,
  request: BatchRequest,
  before: Map<string, BatchResponse>,
): Promise<BatchResponse> {
  const { id, dependsOn } = request;
  if (dependsOn.some((other) => before.get(other)!.status >= 400)) {
    const { code, message, status } = new DriveError('dependencyFailed');
    return { id, status, headers: jsonHeaders, body: { error: { code, message } } };
  }
  const reply = await call.services.inner(innerExchange(call, request));
  const body = await replyBody(reply);
  const { status, headers = {} } = reply;
  const named = Object.entries(headers).map(([name, value]) => [headerNames[name] ?? name, value]);
  return {
    id,
    status,
    headers: Object.fromEntries(named),
    ...(body === undefined ? {} : { body }),
  };
}

// Within JSON the case of a header's name counts: the official client looks for Content-Type as the service writes it.
const headerNames: Record<string, string> = {
  'cache-control': 'Cache-Control',
  'content-type': 'Content-Type',
  etag: 'ETag',
  location: 'Location',
  'retry-after': 'Retry-After',
};
const jsonHeaders = { 'Content-Type': 'application/json' };

function innerExchange(call: Call, { method, url, headers, body }: BatchRequest): Exchange {
  const { exchange, address } = call;
  const target = `${address.prefix}/${url.replace(/^\/+/, '')}`;
  const content = bodyOf(body, headers);
  return {
    method,
    target,
    url: new URL(target, exchange.url),
    headers: {
      authorization: exchange.headers.authorization,
      host: exchange.headers.host,
      ...headers,
      ...(content === undefined ? {} : { 'content-length': String(content.length) }),
    },
    body: Readable.from(content === undefined ? [] : [content]),
    effects: {},
  };
}

/** What is not JSON comes in base64. */
function bodyOf(body: unknown, headers: Record<string, string>): Buffer | undefined {
  if (body === undefined || body === null) return undefined;
  const type = headers['content-type'] ?? '';
  if (typeof body === 'string' && !type.includes('json')) return Buffer.from(body, 'base64');
  return Buffer.from(JSON.stringify(body));
}

async function replyBody({ body, headers = {} }: Reply): Promise<unknown> {
  if (body === undefined) return undefined;
  const isJson = headers['content-type']?.includes('json') === true;
  if (typeof body === 'string') return isJson ? JSON.parse(body) : body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString('base64');
  return isJson ? JSON.parse(await textOfStream(body)) : (await buffer(body)).toString('base64');
}
