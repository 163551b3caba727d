// The doctor before a coordinator that the test plays: everything in order, and each link broken by itself.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'; // oxfmt-ignore
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { certificateBeginsKey } from '../../lib/certificate-begins.ts';
import { systemClock } from '../../lib/time.ts';
import { join } from '../link/enroll.ts';
import { writeIdentity } from '../link/identity.ts';
import { PlayedCoordinator } from '../link/played-coordinator.ts';
import { compileAgentOptions } from '../options.ts';
import { writeSettings, type AgentSettingsFile } from '../settings-file.ts';
import { examine, type DoctorParts, type Finding } from './doctor.ts';
import { formatFinding } from './doctor-command.ts';

interface Place {
  data: string;
  share: string;
  settings: AgentSettingsFile;
}

async function setUpFor(t: ExecutionContext, coordinator: PlayedCoordinator): Promise<Place> {
  const root = mkdtempSync(path.join(tmpdir(), 'drover-doctor-test-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const place = { data: path.join(root, 'agent'), share: path.join(root, 'share') };
  for (const folder of Object.values(place)) mkdirSync(folder, { mode: 0o700 });
  writeFileSync(path.join(place.share, 'file'), '');
  const { address, joinToken } = coordinator;
  writeIdentity(place.data, await join({ address, proof: { joinToken }, displayName: 'one' }));
  const settings: AgentSettingsFile = { coordinators: [address], signIn: 'none', sourceRoots: [place.share] }; // oxfmt-ignore
  writeSettings(place.data, settings);
  return { ...place, settings };
}

async function findings(place: Place, more: Partial<DoctorParts> = {}): Promise<Finding[]> {
  const parts: DoctorParts = {
    dataFolder: place.data,
    options: () => compileAgentOptions({ data: place.data, logLevel: 'silent' }, {}),
    sources: [],
    destinations: [],
    clock: systemClock,
    signal: new AbortController().signal,
    ...more,
  };
  return await Array.fromAsync(examine(parts));
}

/** Only what is not in order. */
async function troubles(place: Place, more: Partial<DoctorParts> = {}): Promise<string[]> {
  return (await findings(place, more))
    .filter(({ state }) => state === 'failed' || state === 'warning')
    .map(({ check, words }) => `${check}: ${words}`);
}

test('where everything is in order every link says so, in order, and nothing is changed', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const place = await setUpFor(t, coordinator);
  const before = readdirSync(place.data, { recursive: true });
  const found = await findings(place, { destinations: [place.share] });
  t.deepEqual(found.map(({ check }) => check), ['settings', 'data folder', 'owner only', 'certificate', 'name', 'connection', 'TLS', 'clock', 'accepted', 'version', 'destination', 'source']); // oxfmt-ignore
  t.true(
    found.every(({ state }) => state === 'ok'),
    JSON.stringify(found, undefined, 2),
  );
  t.deepEqual(readdirSync(place.data, { recursive: true }), before);
  t.deepEqual(readdirSync(place.share), ['file']);
  t.is(coordinator.renewals, 0);
});

test('what comes after a link that is broken is said not to have been tried', async (t) => {
  const coordinator = await PlayedCoordinator.start();
  const place = await setUpFor(t, coordinator);
  await coordinator[Symbol.asyncDispose]();
  const found = await findings(place);
  const states = Object.fromEntries(found.map(({ check, state }) => [check, state]));
  t.like(states, { certificate: 'ok', connection: 'failed', TLS: 'skipped', accepted: 'skipped', source: 'ok' }); // oxfmt-ignore
  const line = formatFinding(found.find(({ check }) => check === 'connection')!);
  t.regex(line, /^FAILED {3}connection {3}the coordinator at .* cannot be connected to: nothing listens there \(ECONNREFUSED\)\n +-> See whether the coordinator runs there/); // oxfmt-ignore
});

test('another coordinator at the address, and one that is none, are told apart', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  await using other = await PlayedCoordinator.start();
  const place = await setUpFor(t, coordinator);
  writeSettings(place.data, { ...place.settings, coordinators: [other.address] });
  const [trouble] = await troubles(place);
  t.regex(trouble!, /^TLS: another coordinator than the one that was named/);
  const garbage = createServer((socket) => void socket.on('error', () => undefined).end('no\r\n'));
  await new Promise<void>((resolve) => garbage.listen(0, '127.0.0.1', resolve));
  t.teardown(() => garbage.close());
  const { port } = garbage.address() as AddressInfo;
  writeSettings(place.data, { ...place.settings, coordinators: [{ host: '127.0.0.1', port }] });
  t.regex((await troubles(place))[0]!, /^TLS: .*does not speak TLS/);
});

test('a name that nobody knows, a clock that is wrong, a certificate that ended, another version', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const place = await setUpFor(t, coordinator);
  const later = (ms: number) => ({ clock: { ...systemClock, now: () => Date.now() + ms } });
  t.deepEqual(await troubles(place, later(240_000)), []);
  t.regex((await troubles(place, later(600_000)))[0]!, /^clock: this computer's clock is (9 min|10 min) .* ahead of the coordinator's/); // oxfmt-ignore
  t.regex((await troubles(place, later(-600_000))).at(-1)!, /^clock: .* behind the coordinator's/);
  t.regex((await troubles(place, later(48 * 3_600_000)))[0]!, /^certificate: .* ended at/);
  const accepted = async () => (await findings(place)).find(({ check }) => check === 'accepted')!;
  coordinator.refusesWith = { [certificateBeginsKey]: '2026-01-01T00:00:00.000Z' };
  t.regex((await accepted()).advice!, /^Set the clocks of both computers/);
  coordinator.refusesWith = {};
  t.regex((await accepted()).advice!, /^Invite this agent again/);
  coordinator.refusesWith = undefined;
  coordinator.version = '9.0.0';
  t.regex((await troubles(place))[0]!, /^version: this agent has version .*, the coordinator 9\.0\.0/); // oxfmt-ignore
  const unknown = { host: 'no-such-host.invalid', port: 1 };
  writeSettings(place.data, { ...place.settings, coordinators: [unknown] });
  t.regex((await troubles(place))[0]!, /^name: the name no-such-host\.invalid cannot be resolved/);
});

test('what is wrong with the folders and the settings', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const place = await setUpFor(t, coordinator);
  const identity = path.join(place.data, 'identity', 'identity.json');
  chmodSync(identity, 0o644);
  t.regex(
    (await troubles(place))[0]!,
    /^owner only: others can read what is secret: .*identity\.json/,
  );
  t.is(statSync(identity).mode & 0o777, 0o644, 'it is said, and not changed');
  chmodSync(identity, 0o600);
  const wrong = { sources: ['/no/such/folder', identity, String.raw`\\files\hr`], destinations: ['/no/such/place'] }; // oxfmt-ignore
  const said = (await troubles(place, wrong)).join('\n');
  t.regex(said, /destination: the folder \/no\/such\/place cannot be written to: it is not there/);
  t.regex(said, /source: the folder \/no\/such\/folder cannot be read: it is not there/);
  t.regex(said, /source: .*identity\.json is not a folder/);
  t.regex(said, /source: .*shares are read through a mount/);
  writeFileSync(path.join(place.data, 'agent.json'), '{"version":1,"colour":1}');
  const broken = await findings(place);
  t.like(broken[0], { check: 'settings', state: 'failed' });
  t.regex(broken[0]!.words, /"colour" is no setting/);
  writeFileSync(identity, '{}');
  writeSettings(place.data, place.settings);
  t.regex((await troubles(place))[0]!, /^certificate: .*identity\.json is damaged/);
  t.is(readFileSync(identity, 'utf8'), '{}');
});

test('a proxy on the way to the coordinator is said, in whichever form its variable is, and one that cannot be used is refused', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const place = await setUpFor(t, coordinator);
  writeSettings(place.data, {
    ...place.settings,
    coordinators: [{ host: 'hub.invalid', port: 7443 }],
  });
  const within = (environment: Record<string, string>) => ({
    options: () => compileAgentOptions({ data: place.data, logLevel: 'silent' }, environment),
  });
  // Nothing listens at that port.
  const said = await troubles(place, within({ HTTPS_PROXY: 'http://ann:hunter2@127.0.0.1:1' }));
  t.is(said[0], 'proxy: the connection to the coordinator at hub.invalid:7443 goes through the proxy 127.0.0.1:1, because HTTPS_PROXY says so'); // oxfmt-ignore
  t.regex(said[1]!, /^TLS: .*hub\.invalid:7443 cannot be reached: the proxy 127\.0\.0\.1:1, which HTTPS_PROXY names, cannot be reached/); // oxfmt-ignore
  t.notRegex(said.join(''), /hunter2/);
  const excepted = await troubles(place, within({ HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '.invalid' })); // oxfmt-ignore
  t.regex(excepted[0]!, /^name: the name hub\.invalid cannot be resolved/);
  const broken = await findings(place, within({ https_proxy: 'http://ann:hunter2@' }));
  t.like(broken[0], { check: 'settings', state: 'failed' });
  t.regex(broken[0]!.words, /https_proxy: must be http:\/\/host:port/);
  t.notRegex(JSON.stringify(broken), /hunter2/);
});
