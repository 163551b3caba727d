// The suite of what becomes of a file whose place is taken, by each policy; every destination passes it. Whole transfers, from a
// folder: what changes between the look and the commit is part of it.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext, TestFn } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ConflictPolicy } from '../../gen/drover/v1/settings_pb.ts';
import { FileTransfer } from '../pool/transfer.ts';
import type { Transferred } from '../pool/transfer-item.ts';
import { openFolderSource } from '../source/folder-source.ts';
import type { Source } from '../source/source.ts';
import { expectedOf, put, reasonOf, type DestinationPlace } from './contract.ts';
import type { Destination, DestinationFile, ExpectedFile } from './destination.ts';

const { SKIP, OVERWRITE, KEEP_BOTH, NEWER_WINS } = ConflictPolicy;
const { DESTINATION_CONFLICT, DESTINATION_NEWER } = ErrorReason;
const policies = [SKIP, OVERWRITE, KEEP_BOTH, NEWER_WINS];
const name = 'report.bin';
const second = 'report (2).bin';
const third = 'report (3).bin';
const secondNs = 1_000_000_000n;
/** When the file at the source was modified. */
const sourceNs = 1_600_000_000n * secondNs;

/** Registers the suite's tests. `makePlace` is called once for each. */
export function testConflictPolicies(
  test: TestFn,
  kind: string,
  makePlace: () => Promise<DestinationPlace>,
): void {
  const check = (title: string, body: (scene: Scene) => Promise<void>) =>
    test(`${kind}: ${title}`, async (t) => {
      await using place = await makePlace();
      await using destination = await place.open();
      using scene = new Scene({ t, place, destination });
      await body(scene);
    });
  testForeignFiles(check);
  testNewer(check);
  testMeanwhile(check);
}

type Register = (title: string, body: (scene: Scene) => Promise<void>) => void;

/** A source with one file, a place that it goes to, and somebody else who writes there as well. */
class Scene implements Disposable {
  readonly t: ExecutionContext;
  readonly place: DestinationPlace;
  readonly destination: Destination;
  readonly #folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'drover-conflict-')));

  constructor(parts: { t: ExecutionContext; place: DestinationPlace; destination: Destination }) {
    this.t = parts.t;
    this.place = parts.place;
    this.destination = parts.destination;
    this.write('ours');
  }

  /** Writes the file at the source. */
  write(content: string, at = name): void {
    mkdirSync(path.dirname(path.join(this.#folder, at)), { recursive: true });
    writeFileSync(path.join(this.#folder, at), content);
  }

  /** Somebody writes at the destination. */
  theirs(content: string, { at = name, ns = sourceNs } = {}): Promise<void> {
    return this.place.disturb(at, Buffer.from(content), ns);
  }

  transfer(policy: ConflictPolicy, more: Transfer = {}): Promise<Transferred> {
    return new FileTransfer({
      source: this.#source(more),
      destination: this.destination,
      countBytes: () => {},
      isStopped: () => false,
      isCutOff: () => false,
      conflictPolicy: policy,
    }).transfer({
      path: name,
      destinationPath: name,
      expected: more.expected,
      unreported: [],
      partName: 'ours-1-0',
      stalePartNames: [],
      open: undefined,
      remember: async () => {},
      beforeWrite: async () => {},
    });
  }

  /** The source, with the time of its file, and disturbed while it is read where a test wants that. */
  #source({ ns = sourceNs, meanwhile = [] }: Transfer): Source {
    const source = openFolderSource(this.#folder);
    const open = (at: string) => {
      const file = source.open(at);
      const facts = () => ({ ...file.facts(), modifiedNs: ns });
      const read = (buffer: Uint8Array, position: number) => file.read(buffer, position);
      return { facts, read, [Symbol.dispose]: () => file[Symbol.dispose]() };
    };
    const openUpload = this.destination.openUpload.bind(this.destination);
    const pending = [...meanwhile];
    this.destination.openUpload = async (options) => {
      const found = await openUpload(options);
      if (found.kind === 'upload') await pending.shift()?.();
      return found;
    };
    return {
      open,
      check: (hasItems) => source.check(hasItems),
      list: (at) => source.list(at),
      facts: (at) => source.facts(at),
      attributes: (at) => source.attributes(at),
      [Symbol.dispose]: () => source[Symbol.dispose](),
    };
  }

  /** Asserts what stands at the destination. */
  async assertHolds(files: Record<string, string>): Promise<void> {
    this.t.deepEqual(await this.place.list(), Object.keys(files).sort());
    for (const [at, content] of Object.entries(files))
      this.t.is((await this.place.readBack(at))?.toString(), content, at);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

interface Transfer {
  expected?: ExpectedFile;
  /** When the file at the source was modified. */
  ns?: bigint;
  /** What happens each time after an upload was begun, in turn. */
  meanwhile?: (() => Promise<unknown>)[];
}

const ledger = (content: string, file: DestinationFile) => expectedOf(Buffer.from(content), file);

function testForeignFiles(check: Register): void {
  check('SKIP leaves another file alone', async (scene) => {
    await scene.theirs('theirs');
    scene.t.is(await reasonOf(scene.transfer(SKIP)), DESTINATION_CONFLICT);
    await scene.assertHolds({ [name]: 'theirs' });
  });

  check('OVERWRITE replaces another file, and what it wrote is ours', async (scene) => {
    await scene.theirs('theirs');
    const done = await scene.transfer(OVERWRITE);
    scene.t.is(done.keptPath, '');
    await scene.assertHolds({ [name]: 'ours' });
    scene.write('ours again');
    await scene.transfer(SKIP, { expected: ledger('ours', done.destination) });
    await scene.assertHolds({ [name]: 'ours again' });
  });

  check('KEEP_BOTH writes beside, once', async (scene) => {
    await scene.theirs('theirs');
    scene.t.is((await scene.transfer(KEEP_BOTH)).keptPath, second);
    await scene.assertHolds({ [name]: 'theirs', [second]: 'ours' });
    // As after a death between the writing and the report.
    scene.t.is((await scene.transfer(KEEP_BOTH)).keptPath, second);
    await scene.assertHolds({ [name]: 'theirs', [second]: 'ours' });
    scene.write('other');
    scene.t.is((await scene.transfer(KEEP_BOTH)).keptPath, third);
    await scene.assertHolds({ [name]: 'theirs', [second]: 'ours', [third]: 'other' });
  });

  check('KEEP_BOTH takes no name that another item of the source has', async (scene) => {
    await scene.theirs('theirs');
    scene.write('ours', second);
    scene.t.is((await scene.transfer(KEEP_BOTH)).keptPath, third);
    await scene.assertHolds({ [name]: 'theirs', [third]: 'ours' });
  });

  for (const policy of policies) {
    const word = Object.entries(ConflictPolicy).find(([, value]) => value === policy)![0];
    check(`${word} takes the very same content for migrated`, async (scene) => {
      await scene.theirs('ours');
      scene.t.is((await scene.transfer(policy)).keptPath, '');
      await scene.assertHolds({ [name]: 'ours' });
    });

    check(`${word} replaces no folder`, async (scene) => {
      await scene.destination.makeFolder(name);
      scene.t.is(await reasonOf(scene.transfer(policy)), DESTINATION_CONFLICT);
      scene.t.deepEqual(await scene.place.list(), [name]);
    });

    check(`${word} writes a changed file again that somebody deleted`, async (scene) => {
      const expected = { size: 3, modifiedNs: 1n, id: 'gone', version: 'gone' };
      scene.t.is((await scene.transfer(policy, { expected })).keptPath, '');
      await scene.assertHolds({ [name]: 'ours' });
    });
  }
}

function testNewer(check: Register): void {
  for (const [what, ns] of [
    ['an older', sourceNs - secondNs],
    ['a much older', sourceNs - 1000n * secondNs],
  ] as const)
    check(`NEWER_WINS replaces ${what} file`, async (scene) => {
      await scene.theirs('theirs', { ns });
      await scene.transfer(NEWER_WINS);
      await scene.assertHolds({ [name]: 'ours' });
    });

  for (const [what, ns, oursNs] of [
    ['a newer file', sourceNs + secondNs, sourceNs],
    ['a file of the same time', sourceNs, sourceNs],
    ['a file that is older by less than the destination can say', sourceNs, sourceNs + 900n],
  ] as const)
    check(`NEWER_WINS leaves ${what}`, async (scene) => {
      await scene.theirs('theirs', { ns });
      const left = scene.transfer(NEWER_WINS, { ns: oursNs });
      scene.t.is(await reasonOf(left), DESTINATION_NEWER);
      await scene.assertHolds({ [name]: 'theirs' });
    });
}

function testMeanwhile(check: Register): void {
  /** A file of ours that somebody edits while its update is on its way. */
  const edited = async (scene: Scene, ns: bigint) => {
    const first = await put(scene.destination, name, Buffer.from('first'));
    const expected = ledger('first', first);
    const meanwhile = [() => scene.theirs('edited', { ns })];
    return { expected, meanwhile };
  };

  check('SKIP: an edit while the file is replaced is kept', async (scene) => {
    const transfer = scene.transfer(SKIP, await edited(scene, sourceNs));
    scene.t.is(await reasonOf(transfer), DESTINATION_CONFLICT);
    await scene.assertHolds({ [name]: 'edited' });
  });

  check('OVERWRITE: an edit while the file is replaced is judged again', async (scene) => {
    await scene.transfer(OVERWRITE, await edited(scene, sourceNs));
    await scene.assertHolds({ [name]: 'ours' });
  });

  check('OVERWRITE gives up where somebody keeps writing', async (scene) => {
    await scene.theirs('first');
    let edits = 0;
    const edit = () => scene.theirs('edit'.padEnd(10 + edits++));
    const meanwhile = [edit, edit, edit, edit];
    const transfer = scene.transfer(OVERWRITE, { meanwhile });
    scene.t.is(await reasonOf(transfer), DESTINATION_CONFLICT);
    scene.t.true((await scene.place.readBack(name))?.toString().startsWith('edit'));
    scene.t.deepEqual(await scene.place.list(), [name]);
  });

  check(
    'KEEP_BOTH: an edit while the file is replaced stays, and ours is beside',
    async (scene) => {
      const done = await scene.transfer(KEEP_BOTH, await edited(scene, sourceNs));
      scene.t.is(done.keptPath, second);
      await scene.assertHolds({ [name]: 'edited', [second]: 'ours' });
    },
  );

  check('KEEP_BOTH: what appears beside meanwhile is not overwritten', async (scene) => {
    await scene.theirs('theirs');
    const meanwhile = [() => scene.theirs('sudden', { at: second })];
    const done = await scene.transfer(KEEP_BOTH, { meanwhile });
    scene.t.is(done.keptPath, third);
    await scene.assertHolds({ [name]: 'theirs', [second]: 'sudden', [third]: 'ours' });
  });

  check(
    'NEWER_WINS: an edit while the file is replaced is kept when it is newer',
    async (scene) => {
      const parts = await edited(scene, sourceNs + 5n * secondNs);
      scene.t.is(await reasonOf(scene.transfer(NEWER_WINS, parts)), DESTINATION_NEWER);
      await scene.assertHolds({ [name]: 'edited' });
    },
  );
}
