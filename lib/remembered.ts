/**
 * A function of an object that works its answer out once for each, such as what an option of the schema says of a method: to decode one takes
 * longer than the rest of a small call's checks. The function has to be pure, and whoever gets the answer must not change it.
 */
export function remembered<K extends object, V>(find: (key: K) => V): (key: K) => V {
  const answers = new WeakMap<K, { value: V }>();
  return (key) => {
    const known = answers.get(key);
    if (known !== undefined) return known.value;
    const value = find(key);
    answers.set(key, { value });
    return value;
  };
}
