/** Goes through every state that a model can reach, and stops at the first violation. */
import { HEADER } from './model.js';
import { States } from './states.js';

/**
 * `shortest`: breadth first, so that no path to a violation has fewer actions than the one that is found; else states with
 * many messages in flight come first, which leaves the fewest to go through. `statesMax`: gives up after so many. The result
 * has the figures of the search, `complete` if nothing was left out, and the `violation` with its `path` if there is one.
 */
export function search(model, { shortest = false, statesMax = Infinity } = {}) {
  const states = new States(HEADER);
  const waiting = [];
  const wait = (reached) => (waiting[shortest ? reached.depth : reached.state.length] ??= []).push(reached);
  const first = { state: model.start(), depth: 0 };
  states.add(first);
  wait(first);
  const figures = { expanded: 0, transitions: 0, depth: 0 };
  let found;
  while (found === undefined && figures.expanded < statesMax) {
    const reached = shortest ? earliest(waiting, figures.depth) : last(waiting);
    if (reached === undefined) break;
    if (reached.covered) continue;
    figures.expanded += 1;
    figures.depth = Math.max(figures.depth, reached.depth);
    let place = 0;
    model.expand(reached.state, (state, violation) => {
      figures.transitions += 1;
      const after = { parent: reached, place, depth: reached.depth + 1, state };
      if (violation !== undefined) found ??= { ...after, violation };
      else if (states.add(after)) wait(after);
      place += 1;
    });
    // A path is told by the places of its actions.
    reached.state = undefined;
  }
  const complete = found === undefined && figures.expanded < statesMax;
  const all = { ...figures, ...states.figures, ...model.figures, complete };
  return found === undefined ? all : { ...all, violation: found.violation, path: pathTo(model, found) };
}

/** From the lists of each depth; none is left of those before `depth`. */
function earliest(waiting, depth) {
  return waiting[depth]?.pop() ?? waiting[depth + 1]?.pop();
}

/** From the lists of each length, the longest first. */
function last(waiting) {
  while (waiting.length > 0 && !(waiting.at(-1)?.length > 0)) waiting.pop();
  return waiting.at(-1)?.pop();
}

/**
 * Takes the actions once more, to tell them: among them the deliveries that change no replica, where a message that they
 * bring forth is delivered later.
 */
function pathTo(model, found) {
  const places = [];
  for (let at = found; at.parent !== undefined; at = at.parent) places.unshift(at.place);
  const actions = [];
  let state = model.start();
  for (const wanted of places) {
    let place = 0;
    model.expand(state, (reached, _, action) => {
      if (place === wanted) {
        actions.push(action, ...(action.repeated ?? []));
        state = reached;
      }
      place += 1;
    });
  }
  const delivered = new Set();
  return actions
    .reverse()
    .filter(({ news, message }) => {
      const counts = news?.some((each) => delivered.has(each)) ?? true;
      if (counts && message !== undefined) delivered.add(message);
      return counts;
    })
    .reverse()
    .map((action) => model.describe(action));
}
