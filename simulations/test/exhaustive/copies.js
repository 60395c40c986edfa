/**
 * Copies of objects with all that they hold, and texts that are equal exactly if two are: for the replicas of the opened core,
 * whose members are plain data, lists, maps, sets, bytes and objects of classes.
 */

/** What is frozen, and bytes, never change and are shared; so is what the original shares within itself. */
export function deepCopy(value, copies = new Map()) {
  if (typeof value === 'function') throw new Error('a function cannot be copied with what it holds');
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || Object.isFrozen(value))
    return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) {
    const copy = [];
    copies.set(value, copy);
    for (const item of value) copy.push(deepCopy(item, copies));
    return copy;
  }
  if (value instanceof Map) {
    const copy = new Map();
    copies.set(value, copy);
    for (const [key, item] of value) copy.set(key, deepCopy(item, copies));
    return copy;
  }
  if (value instanceof Set) return new Set(value);
  const copy = Object.create(Object.getPrototypeOf(value));
  copies.set(value, copy);
  for (const key of Object.keys(value)) copy[key] = deepCopy(value[key], copies);
  return copy;
}

/** Whoever changes it from now on throws. Bytes cannot be frozen. */
export function deepFreeze(value) {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || Object.isFrozen(value))
    return value;
  for (const key of Object.keys(value)) deepFreeze(value[key]);
  return Object.freeze(value);
}

/**
 * The order in maps and sets counts, because the code may go through them. An object of a class counts as itself where it
 * stands again, plain data by what it says.
 */
export function textOf(value, numbers = new Map()) {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Uint8Array) return `<${value.join()}>`;
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item, numbers)).join()}]`;
  if (value instanceof Map) return `Map${textOf([...value], numbers)}`;
  if (value instanceof Set) return `Set${textOf([...value], numbers)}`;
  let name = '';
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    const known = numbers.get(value);
    if (known !== undefined) return `@${known}`;
    numbers.set(value, numbers.size);
    name = value.constructor.name;
  }
  return `${name}{${Object.keys(value)
    .map((key) => `${key}:${textOf(value[key], numbers)}`)
    .join()}}`;
}
