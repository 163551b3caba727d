// What a commit changes of what people keep, read from its writes: for whoever has to say what was changed. Rows by which work goes on
// (batches, the ledger, indexes) are none of these.
import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import {
  AccessTokenRowSchema,
  AgentRowSchema,
  JoinTokenRowSchema,
  KeptLedgerRowSchema,
  RunRowSchema,
  SettingsRowSchema,
  TaskRowSchema,
  WebhookRowSchema,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { lastNumber } from './keys.ts';
import type { Writes } from './safe-writer.ts';

/** The kinds of rows, by the first part of their keys. */
const schemas = {
  task: TaskRowSchema,
  'kept-ledger': KeptLedgerRowSchema,
  run: RunRowSchema,
  agent: AgentRowSchema,
  settings: SettingsRowSchema,
  'join-token': JoinTokenRowSchema,
  'access-token': AccessTokenRowSchema,
  webhook: WebhookRowSchema,
} satisfies Record<string, DescMessage>;

type Schemas = typeof schemas;
type Kind = keyof Schemas;
const allKinds = Object.keys(schemas) as Kind[];

/** A row before and after a commit; undefined where there was, or is, none. */
export type RowChange = {
  [K in Kind]: {
    kind: K;
    /** The second part of its key: the id of a task, an agent, a token or a webhook. */
    id: string;
    /** The last part of its key, where that is a number: of a run. */
    number: number;
    before: MessageShape<Schemas[K]> | undefined;
    after: MessageShape<Schemas[K]> | undefined;
  };
}[Kind];

/** The rows of these kinds among the writes, in the order in which they were put; `before` answers with what a key had. */
export async function rowChangesOf(
  writes: Writes,
  before: (key: string) => Promise<Uint8Array | undefined>,
  kinds: readonly RowChange['kind'][] = allKinds,
): Promise<RowChange[]> {
  const changes: RowChange[] = [];
  const prefixes = kinds.map((kind) => `${kind}!`);
  for (const [key, after] of writes) {
    // Most rows of a large commit are of no such kind: they are passed over as quickly as can be.
    const index = prefixes.findIndex((prefix) => key.startsWith(prefix));
    if (index === -1) continue;
    const kind = kinds[index]!;
    const schema: DescMessage = schemas[kind];
    const read = (bytes: Uint8Array | undefined) => bytes && fromBinary(schema, bytes);
    const [, id = ''] = key.split('!', 2);
    const rows = { before: read(await before(key)), after: read(after) };
    if (rows.before === undefined && rows.after === undefined) continue;
    changes.push({ kind, id, number: lastNumber(key), ...rows } as RowChange);
  }
  return changes;
}

/** How many rows of a kind a commit makes, changes and removes. */
export interface RowTotals {
  created: number;
  changed: number;
  deleted: number;
}

/** How many rows of these kinds are among the writes. */
export function countRows(writes: Writes): number {
  let count = 0;
  for (const key of writes.keys()) if (isKind(kindOf(key))) count += 1;
  return count;
}

/** The same as `rowChangesOf`, counted: of each kind, without looking into the rows. */
export function rowTotalsOf(
  writes: Writes,
  before: (key: string) => Uint8Array | undefined,
): Map<RowChange['kind'], RowTotals> {
  const totals = new Map<RowChange['kind'], RowTotals>();
  for (const [key, after] of writes) {
    const kind = kindOf(key);
    if (!isKind(kind)) continue;
    const had = before(key) !== undefined;
    if (!had && after === undefined) continue;
    const of = totals.get(kind) ?? { created: 0, changed: 0, deleted: 0 };
    totals.set(kind, of);
    if (!had) of.created += 1;
    else if (after === undefined) of.deleted += 1;
    else of.changed += 1;
  }
  return totals;
}

function kindOf(key: string): string {
  return key.slice(0, key.indexOf('!'));
}

function isKind(text: string): text is Kind {
  return text in schemas;
}
