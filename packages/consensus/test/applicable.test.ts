/** What may be applied: decided, and on this replica's own disk. */
import { describe, expect, it } from 'vitest';
import { SequencePaxos } from '../src/index.ts';
import { defaultLogLimits } from '../src/sequence-paxos/role.ts';
import { ballot, entries } from './lone.ts';

describe('rule 7, on disk: a state is never ahead of the log that a crash leaves', () => {
  it('a follower that knows an entry to be decided applies it once its own write is done', () => {
    const replica = new SequencePaxos({ self: 2, members: [1, 2, 3], limits: defaultLogLimits });
    const leading = ballot(1, 1);
    const message = (m: Parameters<typeof replica.step>[0][number] & { type: 'message' }) => replica.step([m]);
    message({
      type: 'message',
      from: 1,
      message: { type: 'prepare', ballot: leading, acceptedBallot: ballot(0, 0), logLength: 0, suffixFrom: 0 },
    });
    const effects = message({
      type: 'message',
      from: 1,
      message: {
        type: 'accept-sync',
        ballot: leading,
        from: 0,
        to: 2,
        at: 0,
        entries: entries('a b'),
        decidedIndex: 2,
      },
    });
    expect(replica.decidedIndex).toBe(2);
    expect(replica.applicableIndex).toBe(0);
    const receipt = effects.persist?.receipt;
    expect(receipt).toEqual({ acceptedBallot: leading, logLength: 2 });
    if (receipt !== undefined) replica.step([{ type: 'persisted', receipt }]);
    expect(replica.applicableIndex).toBe(2);
  });
});
