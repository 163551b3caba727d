// Whatever goes wrong on the way, a file arrives whole and once, or not at all and with a reason.
import test from 'ava';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../../lib/error.ts';
import { modifiedNs } from '../contract.ts';
import { failedCallKey } from '../failed-call.ts';
import { contentOfBytes, openTestPlace, quickClock, send } from './testing/place.ts';
import { TestTenant, type FaultRule, type WireRequest } from './testing/tenant.ts';

const tenant = await TestTenant.start('--strict');
test.after.always(() => tenant[Symbol.asyncDispose]());

type Disturbance = Omit<FaultRule, 'path' | 'name'>;

/** Two chunks, 5 MiB and the rest. */
const content = contentOfBytes(6_000_000);
const status = (code: number, more: object = {}) => ({ kind: 'status', status: code, ...more });

const survived: [what: string, disturbance: Disturbance][] = [
  ['a connection cut in a chunk', { method: 'PUT', times: 2, fault: { kind: 'reset', afterBytes: 900_000 } }], // oxfmt-ignore
  ['a connection cut after the first chunk', { method: 'PUT', nth: 1, fault: { kind: 'reset' } }],
  ['a connection cut after the last chunk', { method: 'PUT', nth: 2, fault: { kind: 'reset' } }],
  ['a chunk that is never answered', { method: 'PUT', nth: 1, fault: { kind: 'stall' } }],
  ['an answer that drips', { method: 'PUT', fault: { kind: 'slowDrip', bytesPerSecond: 4000 } }],
  ['500 for a chunk', { method: 'PUT', times: 2, fault: status(500) }],
  ['502 for the last chunk', { method: 'PUT', nth: 2, fault: status(502) }],
  ['504 for a chunk', { method: 'PUT', times: 1, fault: status(504) }],
  ['504 after a chunk was stored, and 416 then', { method: 'PUT', nth: 1, fault: { kind: 'gatewayTimeoutAfterStore' } }], // oxfmt-ignore
  ['504 after the file was stored', { method: 'PUT', nth: 2, fault: { kind: 'gatewayTimeoutAfterStore' } }], // oxfmt-ignore
  ['416 for a chunk', { method: 'PUT', times: 1, fault: status(416) }],
  ['429 for a chunk', { method: 'PUT', times: 1, fault: { kind: 'throttle', retryAfter: 0 } }],
  ['503 for a chunk', { method: 'PUT', times: 1, fault: { kind: 'unavailable', retryAfter: 0 } }],
  ['404 for a session that is new', { method: 'PUT', fault: { kind: 'notFoundOnce', hits: 2 } }],
  ['409 resourceModified at the end', { method: 'PUT', nth: 2, fault: status(409, { code: 'resourceModified' }) }], // oxfmt-ignore
  ['412 although nothing was expected', { method: 'PUT', nth: 2, fault: { kind: 'etagMismatch' } }],
  ['502 in place of a session', { method: 'POST', times: 2, fault: status(502) }],
  ['409 resourceModified in place of a session', { method: 'POST', times: 3, fault: status(409, { code: 'resourceModified' }) }], // oxfmt-ignore
  ['412 resourceModified in place of a session', { method: 'POST', times: 1, fault: { kind: 'etagMismatch' } }], // oxfmt-ignore
  ['401 for a token', { method: 'POST', times: 1, fault: { kind: 'expiredToken' } }],
];

survived.forEach(([what, disturbance], index) =>
  test(`${what}: the file arrives whole, once and with its date`, async (t) => {
    const place = await openTestPlace(tenant);
    const name = `survived-${index}.bin`;
    await tenant.fault({ ...disturbance, name, path: name });
    const clock = quickClock();
    const client = tenant.client({ clock, timeoutMsMax: 5000 });
    await using destination = await place.open({ client });
    await send(destination, name, content);
    t.true((await place.readBack(name))!.equals(content));
    t.deepEqual(await place.list(), [name]);
    t.is(await place.versions(name), 1);
    t.is(await place.modifiedNs(name), (modifiedNs / 1_000_000_000n) * 1_000_000_000n);
    t.true((await hits(name)) > 0, 'the fault was played');
  }),
);

const failed: [what: string, disturbance: Disturbance, reason: ErrorReason][] = [
  ['401 in the middle', { method: 'PUT,GET', fault: status(401) }, ErrorReason.DESTINATION_WRITE_FAILED], // oxfmt-ignore
  ['a lost session', { method: 'PUT', nth: 2, fault: { kind: 'sessionLost' } }, ErrorReason.DESTINATION_WRITE_FAILED], // oxfmt-ignore
  ['a session that stays unknown', { method: 'PUT', fault: status(404) }, ErrorReason.DESTINATION_WRITE_FAILED], // oxfmt-ignore
  ['507 in the middle', { method: 'PUT', nth: 2, fault: { kind: 'quotaExceeded' } }, ErrorReason.DESTINATION_FULL], // oxfmt-ignore
  ['423 at the end', { method: 'PUT', nth: 2, fault: { kind: 'locked' } }, ErrorReason.DESTINATION_LOCKED], // oxfmt-ignore
  ['403 in the middle', { method: 'PUT', nth: 2, fault: status(403) }, ErrorReason.DESTINATION_ACCESS_DENIED], // oxfmt-ignore
  ['malware found', { method: 'PUT', nth: 2, fault: status(403, { code: 'malwareDetected' }) }, ErrorReason.DESTINATION_REFUSED], // oxfmt-ignore
  ['400 for a chunk', { method: 'PUT', fault: status(400) }, ErrorReason.DESTINATION_REFUSED],
  ['500 without end', { method: 'PUT', fault: status(500) }, ErrorReason.DESTINATION_BUSY],
  ['504 in place of sessions without end', { method: 'POST', fault: status(504) }, ErrorReason.DESTINATION_BUSY], // oxfmt-ignore
  ['connections cut without end', { method: 'PUT', fault: { kind: 'reset', afterBytes: 10 } }, ErrorReason.DESTINATION_BUSY], // oxfmt-ignore
];

failed.forEach(([what, disturbance, reason], index) =>
  test(`${what}: the file fails, leaves nothing, and can be sent again`, async (t) => {
    const place = await openTestPlace(tenant);
    const name = `failed-${index}.bin`;
    await tenant.fault({ ...disturbance, name, path: name });
    let open: { url: string } | undefined;
    const remember = async (opened: { url: string }) => {
      open = opened;
    };
    const wire: WireRequest[] = [];
    const client = tenant.client({ clock: quickClock(), wire });
    await using destination = await place.open({ client });
    // What fails without end is sent often enough as it is.
    const isEndless = what.endsWith('without end');
    const file = isEndless ? content.subarray(0, 1000) : content;
    const sent = send(destination, name, file, { remember });
    const error = await t.throwsAsync<DroverError>(sent, { instanceOf: DroverError });
    t.is(error?.reason, reason);
    const failing = wire.find(({ headers }) => headers['client-request-id'] === error?.metadata[failedCallKey]); // oxfmt-ignore
    const { method } = disturbance;
    t.true(failing !== undefined && method?.split(',').includes(failing.method), 'it names the call'); // oxfmt-ignore
    await tenant.graph('DELETE', `${tenant.ready.control}faults?name=${name}`);
    t.is(open !== undefined && (await place.isOpen(open.url)), false, 'no session stays open');
    t.deepEqual(await place.list(), []);
    await send(destination, name, file, { open });
    t.true((await place.readBack(name))!.equals(file));
  }),
);

test('a session that is new and unknown is waited for as long as others do', async (t) => {
  const place = await openTestPlace(tenant);
  const name = 'waited.bin';
  await tenant.fault({ name, path: name, method: 'PUT', fault: { kind: 'notFoundOnce', hits: 3 } });
  const clock = quickClock();
  await using destination = await place.open({ client: tenant.client({ clock }) });
  await send(destination, name, content.subarray(0, 1000));
  t.deepEqual(clock.pauses, [5000, 5000, 5000]);
});

test('no token goes to an upload, and every chunk is of a size that the service takes', async (t) => {
  const place = await openTestPlace(tenant);
  const wire: WireRequest[] = [];
  // A clock that stands: every chunk is taken in no time, and the next is larger.
  const clock = { ...quickClock(), steady: () => 0 };
  await using destination = await place.open({ client: tenant.client({ wire, clock }) });
  // So large that the chunks grow to their greatest.
  const large = contentOfBytes(50_000_001);
  await send(destination, 'large.bin', large);
  const chunks = wire.filter(({ method }) => method === 'PUT');
  t.true(chunks.length > 3);
  for (const { headers, bytes } of chunks) {
    t.false('authorization' in headers);
    t.true(bytes < 60 * 1024 * 1024);
  }
  for (const { bytes } of chunks.slice(0, -1)) t.is(bytes % (320 * 1024), 0);
  t.true(
    chunks.some(({ bytes }) => bytes === 20 * 1024 * 1024),
    'it adapts to a fast network',
  );
  const item = await place.item('large.bin');
  t.is(item!.size, large.length);
});

test("an upload's address is used letter by letter", async (t) => {
  const place = await openTestPlace(tenant);
  const name = "it's (a) [test]+~ü.bin";
  let url = '';
  const wire: WireRequest[] = [];
  await using destination = await place.open({ client: tenant.client({ wire }) });
  await send(destination, name, content, {
    remember: async (opened) => {
      ({ url } = opened);
    },
  });
  const { path } = wire.findLast(({ method }) => method === 'PUT')!;
  t.true(url.endsWith(path));
  t.regex(path, /guid='/, 'quotes stay quotes');
});

test('uploads told the emulator no token', async (t) => {
  const { graph } = (await tenant.stats()) as { graph: { strayTokens: number } };
  t.is(graph.strayTokens, 0);
});

async function hits(name: string): Promise<number> {
  const { rules } = (await tenant.stats()) as { rules: { name: string; hits: number }[] };
  return rules.find((rule) => rule.name === name)?.hits ?? 0;
}
