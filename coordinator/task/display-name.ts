// What things are called for people. PURE.
import { DroverError } from '../../lib/error.ts';

/** Throws INVALID_ARGUMENT that names the field when the name is too long, or would do something where it is shown. */
export function checkDisplayName(name: string, field: string, lengthMax: number): void {
  if (name.length > lengthMax)
    throw DroverError.invalid(field, `is longer than ${lengthMax} characters`);
  if (/\p{Cc}/u.test(name)) throw DroverError.invalid(field, 'holds a control character');
}

/** The same for a name that has to be given. */
export function requireDisplayName(name: string, field: string, lengthMax: number): void {
  if (name.trim() === '') throw DroverError.invalid(field, 'is missing');
  checkDisplayName(name, field, lengthMax);
}
