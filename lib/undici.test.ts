import test from 'ava';
import * as usual from 'undici';
import { Agent, EnvHttpProxyAgent } from './undici.ts';

test('its classes are those of the usual entry, so that what takes one takes the other', (t) => {
  t.is(Agent, usual.Agent);
  t.is(EnvHttpProxyAgent, usual.EnvHttpProxyAgent);
});
