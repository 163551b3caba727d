// Set-up: `node scripts/setup.mjs SCRIPT ARGUMENTS…` brings the checkout into the state that package-lock.json describes, then runs
// the script with the Node that comes with it. Plain JavaScript without a dependency, because it is the one file that
// has to run on whatever Node (from 20 on) a person starts from, before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const modules = path.join(root, 'node_modules');
const binaries = path.join(modules, '.bin');
const stampFile = path.join(modules, '.drover-setup');
const lockFile = path.join(root, '.drover', 'setup.lock');
const compileCache = path.join(root, '.drover', 'compile-cache');
const exitCannotStart = 2;

class SetupError extends Error {}

async function main([script, ...scriptArguments]) {
  if (script === undefined)
    throw new SetupError('usage: node scripts/setup.mjs SCRIPT [ARGUMENT…]');
  await setUp();
  await run(path.join(binaries, 'node'), [path.resolve(root, script), ...scriptArguments]);
}

async function setUp() {
  const stamp = wantedStamp();
  if (!isInstalled(stamp)) {
    await withLock(() => {
      // Another one may have done it while this one waited.
      if (!isInstalled(stamp)) install(stamp);
    });
  }
  linkCommands();
}

/** What the stamp file holds when everything is installed: the lock's hash, and the machine it was installed for. */
function wantedStamp() {
  const lock = readFileSync(path.join(root, 'package-lock.json'));
  const hash = createHash('sha256').update(lock).digest('hex');
  return `${hash} ${process.platform} ${process.arch}\n`;
}

function isInstalled(stamp) {
  return read(stampFile) === stamp || (isAsLocked() && verify() === undefined && seal(stamp));
}

/** Whether somebody ran npm already, by the record that npm itself leaves of what it installed. */
function isAsLocked() {
  const record = read(path.join(modules, '.package-lock.json'));
  if (record === undefined) return false;
  const installed = JSON.parse(record).packages ?? {};
  const locked = JSON.parse(read(path.join(root, 'package-lock.json'))).packages;
  return Object.entries(locked).every(
    ([name, wanted]) =>
      name === '' ||
      installed[name]?.integrity === wanted.integrity ||
      (wanted.optional === true && installed[name] === undefined),
  );
}

function install(stamp) {
  checkLock();
  console.error('drover: installing the packages of package-lock.json (about a minute) …');
  // Not `npm ci`: it refuses a lock without the binaries for platforms that the registry at hand does not carry, and it removes
  // what processes of this checkout may be running from. Development packages are part of it, whatever NODE_ENV
  // says: Node 26 itself is one.
  const options = ['--no-save', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync('npm', ['install', ...options], {
    cwd: root,
    env: environmentOfNpm(),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    shell: process.platform === 'win32',
  });
  if (result.error !== undefined)
    throw new SetupError(
      `npm cannot be run (${result.error.message}); install Node 20 or newer with npm`,
    );
  if (result.status !== 0) {
    process.stderr.write(result.stdout + result.stderr);
    throw new SetupError('npm could not install the packages; its own words are above');
  }
  const problem = isAsLocked()
    ? verify()
    : 'npm installed other packages than package-lock.json says';
  if (problem !== undefined) throw new SetupError(problem);
  seal(stamp);
}

/** Refuses a lock that was not written for this package.json: npm would choose versions by itself then. */
function checkLock() {
  const wanted = JSON.parse(read(path.join(root, 'package.json')));
  const locked = JSON.parse(read(path.join(root, 'package-lock.json'))).packages[''];
  for (const kind of ['dependencies', 'devDependencies'])
    if (JSON.stringify(sorted(wanted[kind])) !== JSON.stringify(sorted(locked[kind])))
      throw new SetupError(
        `package-lock.json does not fit the ${kind} of package.json; run npm install and commit it`,
      );
}

function sorted(versions = {}) {
  return Object.entries(versions).sort(([one], [other]) => (one < other ? -1 : 1));
}

/** npm may replace what lies in node_modules, so it must not run with the Node that lies in there. */
function environmentOfNpm() {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const PATH = folders.filter((folder) => path.resolve(folder) !== binaries).join(path.delimiter);
  return { ...process.env, PATH };
}

/** What is wrong with what is installed, in words; undefined when it works. */
function verify() {
  const node = path.join(binaries, 'node');
  const wanted = JSON.parse(read(path.join(root, 'package.json'))).devDependencies.node;
  const result = spawnSync(node, ['--version'], { encoding: 'utf8' });
  const answer = result.error?.message ?? (result.stdout.trim() || result.stderr.trim());
  if (answer !== `v${wanted}`)
    return (
      `node_modules/.bin/node is not Node ${wanted} (${answer}). The package "node" brings it in its install script; ` +
      'if install scripts are switched off (npm config get ignore-scripts), run: npm rebuild node --ignore-scripts=false'
    );
  for (const native of ['classic-level', 'koffi']) {
    const loaded = spawnSync(node, ['-e', `require('${native}')`], { cwd: root, encoding: 'utf8' });
    if (loaded.status !== 0) {
      const reason = loaded.stderr.split('\n').find((line) => line.includes('Error')) ?? '';
      return `the native package ${native} does not load on ${process.platform}/${process.arch}: ${reason}`;
    }
  }
  return undefined;
}

function seal(stamp) {
  writeFileSync(stampFile, stamp);
  return true;
}

/** Makes `npx drover` and its sisters work in the checkout; npm links the commands of other packages only. */
function linkCommands() {
  for (const [name, file] of Object.entries(
    JSON.parse(read(path.join(root, 'package.json'))).bin,
  )) {
    const target = path.relative(binaries, path.join(root, file));
    const link = path.join(binaries, name);
    try {
      chmodSync(path.join(root, file), 0o755);
      if (readLink(link) === target) continue;
      // Made aside and renamed, so that it never is missing for somebody who starts it at this moment.
      const fresh = `${link}.${process.pid}`;
      symlinkSync(target, fresh);
      renameSync(fresh, link);
    } catch (error) {
      throw new SetupError(`the command ${name} cannot be linked: ${error.message}`);
    }
  }
}

/** Runs `action` when no other set-up of this checkout runs. */
async function withLock(action) {
  mkdirSync(path.dirname(lockFile), { recursive: true });
  let isWaiting = false;
  while (!takeLock()) {
    if (!isWaiting) console.error('drover: another set-up of this checkout is going; waiting …');
    isWaiting = true;
    await delay(200);
  }
  try {
    action();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function takeLock() {
  // Written aside and linked, so that the lock is never seen without its owner in it.
  const mine = `${lockFile}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, lockFile);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(mine, { force: true });
  }
  const owner = Number(read(lockFile));
  if (owner > 0 && !isAlive(owner)) rmSync(lockFile, { force: true });
  return false;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Runs a program in place of this one, as far as anybody outside can see: its output, signals and exit status. */
function run(program, programArguments) {
  const PATH = [binaries, process.env.PATH].join(path.delimiter);
  const child = spawn(program, programArguments, {
    stdio: 'inherit',
    // Everything is TypeScript that Node strips and compiles at each start; kept compiled, a process starts in half the time.
    env: { NODE_COMPILE_CACHE: compileCache, ...process.env, PATH },
  });
  // Ctrl-C on a terminal reaches the child without us; a second one from us would mean "stop at once".
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.on('SIGHUP', () => child.kill('SIGHUP'));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      process.exitCode = code ?? 128 + (signal === 'SIGINT' ? 2 : signal === 'SIGTERM' ? 15 : 9);
      resolve();
    });
  });
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function readLink(file) {
  try {
    return readlinkSync(file);
  } catch {
    return undefined;
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error instanceof SetupError ? `drover: ${error.message}` : error);
  process.exitCode = exitCannotStart;
});
