/**
 * How far searches came that were cut short, so that the same command goes on there. Of no use once the code is another.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { codeFingerprint, root } from './compiled.js';

const file = new URL('.simulate-bugs.json', root);

export class Progress {
  #code = codeFingerprint();
  #nextSeeds = {};

  constructor() {
    if (!existsSync(file)) return;
    const saved = JSON.parse(readFileSync(file, 'utf8'));
    if (saved.code === this.#code) this.#nextSeeds = saved.nextSeeds;
  }

  /** From where the search for the bug goes on; undefined for one that was not cut short. */
  nextSeed(bug) {
    return this.#nextSeeds[bug.name];
  }

  cutShort(bug, nextSeed) {
    this.#nextSeeds[bug.name] = nextSeed;
    this.#save();
  }

  ended(bug) {
    delete this.#nextSeeds[bug.name];
    this.#save();
  }

  #save() {
    if (Object.keys(this.#nextSeeds).length === 0) rmSync(file, { force: true });
    else writeFileSync(file, JSON.stringify({ code: this.#code, nextSeeds: this.#nextSeeds }));
  }
}
