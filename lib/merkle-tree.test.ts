import test from 'ava';
import { createHash } from 'node:crypto';
import { MerkleTree } from './merkle-tree.ts';

/** The definition of RFC 6962, section 2.1, word for word. */
function definition(entries: readonly Buffer[]): Buffer {
  const sha256 = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  if (entries.length === 0) return sha256();
  if (entries.length === 1) return sha256(Buffer.from([0]), entries[0]!);
  let left = 1;
  while (left * 2 < entries.length) left *= 2;
  return sha256(
    Buffer.from([1]),
    definition(entries.slice(0, left)),
    definition(entries.slice(left)),
  );
}

test('the root is what the definition says, for every count', (t) => {
  const tree = new MerkleTree();
  const entries: Buffer[] = [];
  for (let count = 0; count < 70; count++) {
    t.is(tree.count, count);
    t.deepEqual(tree.root(), definition(entries), `${count} entries`);
    const entry = Buffer.from(`entry ${count}`);
    entries.push(entry);
    tree.add(entry);
  }
});

// The test vectors of the reference implementation of Certificate Transparency (merkle_tree_test.cc).
test('the roots of known lists are the published ones', (t) => {
  const entries = [
    '',
    '00',
    '10',
    '2021',
    '3031',
    '40414243',
    '5051525354555657',
    '606162636465666768696a6b6c6d6e6f',
  ];
  const roots = [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ];
  const tree = new MerkleTree();
  for (const [index, root] of roots.entries()) {
    t.is(tree.root().toString('hex'), root);
    tree.add(Buffer.from(entries[index] ?? '', 'hex'));
  }
});
