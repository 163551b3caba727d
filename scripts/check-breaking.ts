// Whether the public API still is what its users rely on: `buf breaking` against the last release, or as long as nothing is released,
// against the commit before. The earlier schema is taken out of git into a folder of its own and built beside
// today's packages, because the workspace reads standard protocols from node_modules, which git does not have.
import { mkdtempSync, copyFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runProgram, type Finding, type Output } from './program.ts';

const timeoutMs = 60_000;

/** Compares the schema of the project in `root`; passes, and says why, where there is nothing to compare with. */
export async function checkBreaking(root: string): Promise<Finding> {
  const base = await baseOf(root);
  if (base === undefined) return { passed: true, note: 'not compared: git has no earlier commit' };
  const scratch = mkdtempSync(path.join(tmpdir(), 'drover-breaking-'));
  try {
    const archive = path.join(scratch, 'proto.tar');
    await must(git(root, 'archive', `--output=${archive}`, base.commit, 'proto'));
    await must(run('tar', ['-xf', archive, '-C', scratch], scratch));
    copyFileSync(path.join(root, 'buf.yaml'), path.join(scratch, 'buf.yaml'));
    symlinkSync(path.join(root, 'node_modules'), path.join(scratch, 'node_modules'));
    const [before, now] = [path.join(scratch, 'before.binpb'), path.join(scratch, 'now.binpb')];
    await must(buf(root, scratch, 'build', 'proto', '--output', before));
    await must(buf(root, root, 'build', 'proto', '--output', now));
    const result = await buf(root, root, 'breaking', now, '--against', before);
    return { passed: result.status === 0, note: `against ${base.name}`, details: result.all };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

interface Base {
  commit: string;
  /** What it is, for the person who reads the check. */
  name: string;
}

async function baseOf(root: string): Promise<Base | undefined> {
  const tag = await git(root, 'describe', '--tags', '--abbrev=0', '--match=v*');
  const release = tag.stdout.trim();
  if (tag.status === 0) return { commit: release, name: `the release ${release}` };
  // A shallow clone has no commit before; there is the one it is at.
  for (const [commit, name] of [
    ['HEAD^', 'the commit before, nothing is released yet'],
    ['HEAD', 'the present commit, no earlier one is here'],
  ] as const) {
    const found = await git(root, 'cat-file', '-e', `${commit}:proto`);
    if (found.status === 0) return { commit, name };
  }
  return undefined;
}

async function must(output: Promise<Output>): Promise<void> {
  const { status, all } = await output;
  if (status !== 0) throw new Error(`the earlier schema cannot be built:\n${all}`);
}

function git(root: string, ...args: string[]): Promise<Output> {
  return run('git', args, root);
}

function buf(root: string, folder: string, ...args: string[]): Promise<Output> {
  const program = path.join(root, 'node_modules', '@bufbuild', 'buf', 'bin', 'buf');
  return run(process.execPath, [program, ...args], folder);
}

async function run(program: string, args: string[], folder: string): Promise<Output> {
  try {
    return await runProgram(program, args, { folder, timeoutMs });
  } catch (error) {
    // A machine without git, say: that is an answer too.
    return { status: 1, stdout: '', all: String(error) };
  }
}
