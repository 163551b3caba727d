// Where the items of a task go at a destination that has rules for names.
import type { Refusal } from './destination-name.ts';

/**
 * Where an item goes, as its path below the destination, or why it cannot go there. What is never migrated for reasons of its own
 * has no place.
 */
export type ItemPlace = { path: string } | Refusal;
