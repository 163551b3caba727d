/**
 * Merge-joins sorted path keys with the ledger's entries, which `more` brings in the same order, a page at a time, an empty page
 * at the end. Answers with the entry of each key, undefined where there is none. Holds one page at a time, however many
 * entries lie between two keys.
 */
export async function mergeLedger(
  pathKeys: readonly string[],
  more: () => Promise<readonly (readonly [key: string, bytes: Uint8Array])[]>,
): Promise<(Uint8Array | undefined)[]> {
  const wanted = new Map(pathKeys.map((key, index) => [key, index]));
  const found = new Array<Uint8Array | undefined>(pathKeys.length).fill(undefined);
  for (let page = await more(); page.length > 0; page = await more()) {
    for (const [key, bytes] of page) {
      const index = wanted.get(key);
      if (index !== undefined) found[index] = bytes;
    }
  }
  return found;
}
