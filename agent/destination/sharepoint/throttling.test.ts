// The service says how long to stay away, in whatever form; then every lane stays away, and nothing is lost by it.
import test from 'ava';
import { contentOfBytes, openTestPlace, send } from './testing/place.ts';
import { TestTenant, type LogEntry } from './testing/tenant.ts';

const tenant = await TestTenant.start();
test.after.always(() => tenant[Symbol.asyncDispose]());

const content = contentOfBytes(1000);

const forms: [what: string, fault: object, waitMsMin: number][] = [
  ['whole seconds', { retryAfter: 1 }, 1000],
  ['a fraction of a second', { retryAfter: 0.35 }, 350],
  ['a date', { retryAfter: 1, retryAfterAs: 'http-date' }, 0],
  ['nothing', {}, 2000],
  ['nothing, with 503', { status: 503 }, 2000],
];

for (const [what, fault, waitMsMin] of forms)
  test(`throttled with ${what} to wait: all lanes wait, and all files arrive`, async (t) => {
    const place = await openTestPlace(tenant);
    const marker = encodeURIComponent(place.address.split('/').at(-1)!);
    const throttled = Promise.withResolvers<void>();
    let answers = 0;
    const log = ({ message }: LogEntry) => {
      if (message !== 'throttled') return;
      answers++;
      throttled.resolve();
    };
    await using destination = await place.open({ client: tenant.client({ log }) });
    await destination.makeFolder('here');
    const path = `${marker}.*createUploadSession`;
    const throttle = { kind: 'throttle', ...fault };
    await tenant.fault({ name: what, path, nth: 1, fault: throttle });
    const startMs = Date.now();
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const arrivedMs = await Promise.all(
      names.map(async (name, index) => {
        // The first finds out; the others begin once it has.
        if (index > 0) await throttled.promise;
        await send(destination, `here/${name}`, content);
        return Date.now() - startMs;
      }),
    );
    for (const elapsedMs of arrivedMs) t.true(elapsedMs >= waitMsMin, `${elapsedMs}`);
    t.deepEqual(await place.list(), ['here', ...names.map((name) => `here/${name}`)]);
    t.is(answers, 1);
  });
