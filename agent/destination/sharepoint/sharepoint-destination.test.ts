// The SharePoint destination against the emulated tenant: the suite that every destination passes, and what only SharePoint has.
import test from 'ava';
import { testConflictPolicies } from '../conflict-contract.ts';
import { testDestination, type DestinationTraits } from '../contract.ts';
import { testMoves } from '../move-contract.ts';
import { openTestPlace } from './testing/place.ts';
import { TestTenant } from './testing/tenant.ts';

const tenant = await TestTenant.start();
test.after.always(() => tenant[Symbol.asyncDispose]());

const traits: DestinationTraits = {
  names: ['-dash', "quote's", 'a#b', '100%', 'a+b&c', '日本', 'Ünï', '.dot', 'n'.repeat(255)],
  precisionNs: 1_000_000_000n,
  hasParts: false,
};

testDestination(test, 'sharepoint', () => openTestPlace(tenant), traits);
testConflictPolicies(test, 'sharepoint', () => openTestPlace(tenant));
testMoves(test, 'sharepoint', () => openTestPlace(tenant), { movesEdited: true });
