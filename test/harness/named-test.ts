// Ava's `test` for files that share a process: the same, with the file before the title, because there titles are unique and here only
// those of one file are.
import test from 'ava';

let currentFile = '';

/** The file whose tests come next. */
export function nameFile(file: string): void {
  currentFile = file.replace(/\.test\.ts$/, '');
}

export default named(test);

function named<Chain extends object>(chain: Chain): Chain {
  return new Proxy(chain, {
    apply: (target, self, [title, ...rest]: unknown[]): unknown =>
      Reflect.apply(target as () => unknown, self, [
        typeof title === 'string' ? `${currentFile}: ${title}` : title,
        ...rest,
      ]),
    get: (target, property, receiver): unknown => {
      const found: unknown = Reflect.get(target, property, receiver);
      return typeof found === 'function' && property !== 'macro' ? named(found) : found;
    },
  });
}
