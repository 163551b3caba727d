/** An object without the keys that stand there with nothing: what is missing, and what is undefined, are two things to a spread. PURE. */
export function withoutGaps<T extends object>(
  object: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
