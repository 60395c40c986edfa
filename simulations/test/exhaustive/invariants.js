/**
 * What must hold of the whole cluster; what one replica can break by itself is checked in replicas.js. A history is what was
 * decided so far, as a word with the ballot of each letter, and the ballots that were led; it never shrinks.
 */

export const NOTHING_YET = Object.freeze({ decided: '', ballots: [], led: [] });

/** The history after a step that made a replica this value. `began`: the ballot in which it began to accept with that step. */
export function historyAfter(history, value, began, core) {
  const { decided } = value;
  const known = Math.min(decided.length, history.decided.length);
  if (decided.slice(0, known) !== history.decided.slice(0, known))
    throw new Error(`has "${decided}" decided, and "${history.decided}" was`);
  const led = began === undefined ? history.led : ledAfter(history, value, began, core);
  if (decided.length <= history.decided.length) return led === history.led ? history : { ...history, led };
  const news = Array.from(decided.slice(known), () => value.acceptedBallot);
  return { decided, ballots: [...history.ballots, ...news], led };
}

/** Nobody leads with one ballot twice, and a leader has all that was decided in lower ones. */
function ledAfter({ decided, ballots, led }, { log }, began, { formatTerm, compareBallots, sameBallot }) {
  if (led.some((ballot) => sameBallot(ballot, began))) throw new Error(`leads with ${formatTerm(began)} once more`);
  const before = ballots.filter((ballot) => compareBallots(ballot, began) < 0).length;
  if (!log.startsWith(decided.slice(0, before)))
    throw new Error(
      `leads ${formatTerm(began)} with the log "${log}", and "${decided.slice(0, before)}" was decided before`,
    );
  return [...led, began];
}

/** What is decided is on the disks of a majority, and stays there. */
export function checkDurable({ decided }, disks, majority) {
  for (let index = 0; index < decided.length; index += 1) {
    const holders = disks.filter((disk) => disk[index] === decided[index]).length;
    if (holders < majority) throw new Error(`${decided[index]} at ${index} is decided, but on ${holders} disks only`);
  }
}
