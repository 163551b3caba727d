// Work on one thing after the other, some of it begun before its turn comes.

/**
 * The results of some work, in the order of what it is done with. Beside the one that the caller has at most so many are begun, or done and not yet
 * taken; what goes wrong is thrown when its turn comes.
 */
export async function* inOrder<T, R>(
  source: AsyncIterable<T>,
  aheadMax: number,
  work: (one: T) => Promise<R>,
): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  for await (const one of source) {
    const doing = work(one);
    // Nobody may be left to hear of it when the reading ends before.
    doing.catch(() => {});
    begun.push(doing);
    if (begun.length > aheadMax) yield await begun.shift()!;
  }
  for (const doing of begun) yield await doing;
}
