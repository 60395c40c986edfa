/** An invariant of the protocol does not hold: a bug or corrupt memory. The process must stop before it does harm. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

export function invariant(holds: boolean, message: string): asserts holds {
  if (!holds) throw new InvariantViolation(message);
}
