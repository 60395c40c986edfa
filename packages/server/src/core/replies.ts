/**
 * The refusals that a node answers with, in one place: what they say and what they leave the client to do.
 */
import type { GroupId, GroupReply, Layout, NodeId } from '@kvorum/common';

type Refused = Extract<GroupReply, { type: 'refused' }>;

export function refusal(code: Refused['code'], message: string): Refused {
  return { type: 'refused', code, message, leader: 0, epoch: 0 };
}

/** There will be no answer: a read can be asked elsewhere, a command may have been executed. */
export function noAnswer(isRead: boolean, message: string): Refused {
  return refusal(isRead ? 'unavailable' : 'outcome-unknown', message);
}

/** `leader` is 0 when it is not known. */
export function notLeader(group: GroupId, leader: NodeId): Refused {
  const hint = leader === 0 ? 'no leader is known yet' : `node ${leader} may lead it`;
  return { ...refusal('not-leader', `not the leader of group ${group}; ${hint}`), leader };
}

export function wrongGroup(layout: Layout, message: string): Refused {
  return { ...refusal('wrong-group', message), epoch: layout.epoch };
}
