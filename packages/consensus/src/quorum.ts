/** How many of `members` a majority is. */
export function majorityOf(members: number): number {
  return Math.floor(members / 2) + 1;
}
