/**
 * JSON as a word: taken as it stands, with its spaces and quotes, up to the bracket that closes it.
 */

/** Finds where a JSON object or array ends, line by line. */
export class JsonScan {
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** The index after the closing bracket; undefined when it is not in this line. Begins at the opening bracket. */
  end(line: string, from: number): number | undefined {
    for (let at = from; at < line.length; at += 1) {
      const char = line[at];
      if (this.#escaped) this.#escaped = false;
      else if (this.#inString) {
        this.#escaped = char === '\\';
        this.#inString = char !== '"';
      } else if (char === '"') this.#inString = true;
      else if (char === '{' || char === '[') this.#depth += 1;
      else if (char === '}' || char === ']') this.#depth -= 1;
      if (this.#depth === 0) return at + 1;
    }
    return undefined;
  }
}

/**
 * Whether somebody surely means JSON: the brackets are followed by a quote, or by nothing in this line. What begins with a
 * bracket otherwise, like {tag}key, [x] or {{name}}, may be JSON too, and is a word like any other if it is not.
 */
export function looksLikeJson(line: string): boolean {
  return /^[{[][\s{[]*(?:"|$)/.test(line);
}

/** What is wrong with it; undefined when it is JSON. */
export function jsonTrouble(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
