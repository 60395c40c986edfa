/**
 * The compiled modules with a bug in them, by url. Throws, with the name of the bug, when it does not fit the code any more.
 */
import { readFileSync } from 'node:fs';
import { locate } from './anchors.js';

export function changedSources(bug) {
  try {
    const changes = bug.edits.map((edit) => ({ ...locate(edit), replace: edit.replace }));
    const urls = [...new Set(changes.map(({ url }) => url))];
    return Object.fromEntries(
      urls.map((url) => [
        url,
        changed(
          url,
          changes.filter((change) => change.url === url),
        ),
      ]),
    );
  } catch (error) {
    throw new Error(`planted bug ${bug.name}: ${error.message}`, { cause: error });
  }
}

/** From the end on, so that no change moves the place of another. */
function changed(url, changes) {
  return changes
    .sort((a, b) => b.start - a.start)
    .reduce(
      (source, { start, end, replace }) => source.slice(0, start) + replace + source.slice(end),
      readFileSync(new URL(url), 'utf8'),
    );
}
