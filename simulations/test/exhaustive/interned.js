/** Numbers for values: equal ones, as their text tells, get the same. */
export class Interned {
  #numbers = new Map();
  #values = [];

  /** `make` gives what is kept under the number, when the text is new. */
  numberOf(text, make) {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#values.length;
    this.#numbers.set(text, number);
    this.#values.push(make(number));
    return number;
  }

  at(number) {
    return this.#values[number];
  }

  get size() {
    return this.#values.length;
  }
}
