// Ids have the shapes of the service's, which pairs that were seen there prove.
import test from 'ava';
import { derivedGuid, driveId, itemId, itemIdTag, rootGuid } from './identifiers.ts';

test('an item id holds the GUID of its eTag', (t) => {
  const tag = Buffer.from([0x0e, 0xc4, 0x17, 0x32]);
  const id = itemId(tag, '77B62C73-C66D-4E05-B53B-2C30F8F3F6DD');
  t.is(id.slice(9), '01B3CBOMTTFS3HO3OGAVHLKOZMGD4PH5W5'.slice(9));
});

test('the root of every drive has the same end of its id', (t) => {
  for (const list of ['a', 'b', 'c'])
    t.true(itemId(itemIdTag(list), rootGuid).endsWith('V6Y2GOVW7725BZO354PWSELRRZ'));
});

test('a drive id holds three GUIDs, and a derived GUID is one', (t) => {
  const guids = ['site', 'web', 'list'].map((part) => derivedGuid(part));
  t.regex(driveId(guids[0]!, guids[1]!, guids[2]!), /^b![\w-]{64}$/);
  for (const guid of guids)
    t.regex(guid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.is(derivedGuid('site'), guids[0]!);
  t.not(derivedGuid('a', 'b'), derivedGuid('ab'));
});
