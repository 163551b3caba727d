// undici's connections and requests, without the two thirds of it that are for browsers' code and for tests (fetch, WebSocket, caches,
// mocks): the usual entry loads all of it, in the agent's process, in each of its threads, and in whatever else makes a request.
import { createRequire } from 'node:module';
import type * as Usual from 'undici';

const load = createRequire(import.meta.url);
const dispatcher = load('undici/lib/dispatcher/dispatcher.js') as typeof Usual.Dispatcher;
// `dispatcher.request` is put there by the usual entry, too.
Object.assign(dispatcher.prototype, load('undici/lib/api/index.js'));

export const Agent = load('undici/lib/dispatcher/agent.js') as typeof Usual.Agent;
export const EnvHttpProxyAgent = load(
  'undici/lib/dispatcher/env-http-proxy-agent.js',
) as typeof Usual.EnvHttpProxyAgent;
