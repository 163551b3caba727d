// The control address: faults, counts and the tenant, for whoever tests a client with the emulator.
import { X509Certificate } from 'node:crypto';
import { DroverError } from '../../lib/error.ts';
import { DriveError } from '../drive/drive-error.ts';
import type { AppRegistration, Entra } from '../entra/entra.ts';
import type { FaultEngine } from '../fault/fault-engine.ts';
import { parseRules } from '../fault/parse-rules.ts';
import type { ThrottleGate } from '../fault/throttle-gate.ts';
import type { Graph } from '../graph/graph.ts';
import type { Exchange, Handler, Reply } from '../http/exchange.ts';
import type { Stats } from './stats.ts';
import type { TenantFile } from './tenant-file.ts';

const bodyBytesMax = 1024 * 1024;

export interface ControlParts {
  faults: FaultEngine;
  throttle: ThrottleGate;
  stats: Stats;
  tenantFile: TenantFile;
  openConnections(): number;
  /** What a client is told about the emulator when it is ready. */
  description(): object;
  graph: Pick<Graph, 'stats' | 'lock' | 'unlock'>;
  entra: Pick<Entra, 'rotateKeys'>;
}

/** Answers what is below /_emulator/. */
export function createControl(parts: ControlParts): Handler {
  return async (exchange) => {
    const [name = '', ...rest] = exchange.url.pathname.split('/').slice(2);
    const answer = routeOf(name)?.[exchange.method];
    if (answer === undefined) return unknownAddress(exchange, name);
    try {
      return await answer(exchange, parts, rest);
    } catch (error) {
      if (error instanceof DriveError) return failure(error.status, error.message);
      if (error instanceof DroverError) return failure(400, error.message);
      throw error;
    }
  };
}

type Answer = (exchange: Exchange, parts: ControlParts, rest: string[]) => Reply | Promise<Reply>;

const routes: Record<string, Record<string, Answer>> = {
  '': { GET: () => json(200, { addresses: help }) },
  description: { GET: (_exchange, parts) => json(200, parts.description()) },
  faults: { GET: listFaults, PUT: replaceFaults, POST: addFaults, DELETE: removeFaults },
  stats: { GET: (_exchange, parts) => json(200, statsOf(parts)), DELETE: resetStats },
  certificates: { POST: addCertificate },
  keys: { POST: async (_exchange, { entra }) => json(200, { kid: await entra.rotateKeys() }) },
  secrets: { POST: addSecret, DELETE: removeSecret },
  locks: {
    POST: (exchange, { graph }) => setLock(exchange, (path) => graph.lock(path)),
    DELETE: (exchange, { graph }) => setLock(exchange, (path) => graph.unlock(path)),
  },
};

function routeOf(name: string): Record<string, Answer> | undefined {
  return Object.hasOwn(routes, name) ? routes[name] : undefined;
}

const help = {
  'GET /_emulator/description': 'addresses, tenant and credentials, as printed when ready',
  'GET /_emulator/faults': 'the fault rules with their counts',
  'PUT /_emulator/faults': 'a JSON array of rules that takes the place of all',
  'POST /_emulator/faults': 'one rule more, or several in an array; same name: in its place',
  'DELETE /_emulator/faults': 'removes all rules, or the one of ?name=',
  'GET /_emulator/stats': 'requests, statuses, bytes, resource units, hits, open connections',
  'DELETE /_emulator/stats': 'begins all counts anew, those of the rules too',
  'POST /_emulator/certificates':
    'registers a PEM certificate for the application of ?clientId=, or for the first one',
  'POST /_emulator/keys': 'signs tokens with a new key; those of the last one stay good',
  'POST /_emulator/secrets':
    'registers the secret in the body with the application of ?clientId=, or with the first one',
  'DELETE /_emulator/secrets': 'takes the secret in the body away: tokens are good until they end',
  'POST /_emulator/locks': 'locks the item at ?path=, such as /sites/hr/Shared Documents/a.docx',
  'DELETE /_emulator/locks': 'takes the lock at ?path= away',
};

function listFaults(_exchange: Exchange, { faults }: ControlParts): Reply {
  return json(200, { rules: faults.list() });
}

async function replaceFaults(exchange: Exchange, { faults }: ControlParts): Promise<Reply> {
  faults.replace(parseRules(await readJson(exchange), 'faults'));
  return json(200, { rules: faults.list() });
}

async function addFaults(exchange: Exchange, { faults }: ControlParts): Promise<Reply> {
  const value = await readJson(exchange);
  faults.add(parseRules(Array.isArray(value) ? value : [value], 'faults'));
  return json(200, { rules: faults.list() });
}

function removeFaults({ url }: Exchange, { faults }: ControlParts): Reply {
  const name = url.searchParams.get('name');
  if (name === null) faults.replace([]);
  else if (!faults.remove(name)) return failure(404, `There is no rule with the name ${name}.`);
  return json(200, { rules: faults.list() });
}

function statsOf(parts: ControlParts): object {
  const { stats, throttle, faults } = parts;
  const rules = faults.list().map(({ name, matches, hits }) => ({ name, matches, hits }));
  return {
    ...stats.snapshot(),
    resourceUnits: throttle.snapshot(),
    rules,
    openConnections: parts.openConnections(),
    graph: parts.graph.stats(),
  };
}

function resetStats(_exchange: Exchange, { stats, throttle, faults }: ControlParts): Reply {
  stats.reset();
  throttle.resetCounts();
  faults.resetCounts();
  return { status: 204 };
}

/** The application of ?clientId=, or the first one. Throws DriveError when there is none. */
function appOf({ url }: Exchange, { tenant }: TenantFile): AppRegistration {
  const clientId = url.searchParams.get('clientId');
  const app = clientId === null ? tenant.apps[0] : tenant.apps.find((known) => known.clientId === clientId); // oxfmt-ignore
  if (app !== undefined) return app;
  throw new DriveError('itemNotFound', `There is no application ${clientId ?? ''}.`);
}

async function addSecret(exchange: Exchange, { tenantFile }: ControlParts): Promise<Reply> {
  const app = appOf(exchange, tenantFile);
  const secret = await readText(exchange);
  if (secret === '') return failure(400, 'The body is to be the secret.');
  if (!app.secrets.includes(secret)) app.secrets.push(secret);
  tenantFile.save();
  return json(200, { clientId: app.clientId, secrets: app.secrets.length });
}

async function removeSecret(exchange: Exchange, { tenantFile }: ControlParts): Promise<Reply> {
  const app = appOf(exchange, tenantFile);
  const secret = await readText(exchange);
  if (!app.secrets.includes(secret)) return failure(404, 'The application has no such secret.');
  app.secrets = app.secrets.filter((known) => known !== secret);
  tenantFile.save();
  return json(200, { clientId: app.clientId, secrets: app.secrets.length });
}

async function addCertificate(exchange: Exchange, { tenantFile }: ControlParts): Promise<Reply> {
  const app = appOf(exchange, tenantFile);
  const pem = await readText(exchange);
  try {
    app.certificates.push(new X509Certificate(pem).toString());
  } catch {
    return failure(400, 'The body is not a certificate in PEM.');
  }
  tenantFile.save();
  return json(200, { clientId: app.clientId, certificates: app.certificates.length });
}

function setLock({ url }: Exchange, set: (itemPath: string) => void): Reply {
  const itemPath = url.searchParams.get('path');
  if (itemPath === null) return failure(400, 'Say which item by ?path=.');
  set(itemPath);
  return { status: 204 };
}

async function readJson(exchange: Exchange): Promise<unknown> {
  const text = await readText(exchange);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw DroverError.invalid('body', `is not JSON: ${(cause as Error).message}`, cause);
  }
}

async function readText({ body }: Exchange): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw DroverError.invalid('body', `is over ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function unknownAddress({ method, url }: Exchange, name: string): Reply {
  const known = routeOf(name);
  if (known === undefined) return failure(404, `There is no ${url.pathname}; see /_emulator/.`);
  const reply = failure(405, `${url.pathname} does not know ${method}; see /_emulator/.`);
  return { ...reply, headers: { ...reply.headers, Allow: Object.keys(known).join(', ') } };
}

function failure(status: number, message: string): Reply {
  return json(status, { error: { message } });
}

function json(status: number, value: unknown): Reply {
  return {
    status,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    body: `${JSON.stringify(value, undefined, 2)}\n`,
  };
}
