import type { GroupReply, GroupRequest } from '@kvorum/common';
import { describe, expect, it } from 'vitest';
import type { ReplicaEvent } from '../../../src/core/index.ts';
import { refusal } from '../../../src/core/index.ts';
import { b, put, scriptedReplica } from '../values.ts';

const read: GroupRequest = { type: 'read', group: 1, query: { type: 'get', key: b('k') } };
const write: GroupRequest = {
  type: 'execute',
  group: 1,
  session: 1,
  sequence: 1,
  floor: 0,
  command: put('k', 'v'),
};
const served = { node: 1, ballot: 5, index: 3 };
const found: GroupReply = { type: 'value', found: undefined, served };

function rig() {
  const woken: number[] = [];
  const events: ReplicaEvent[] = [];
  const replies: [who: string, reply: GroupReply][] = [];
  const parts = scriptedReplica(1, {
    wake: (group) => woken.push(group),
    onEvent: (_group, event) => events.push(event),
  });
  const submit = (who: string, request: GroupRequest, isAbandoned?: () => boolean): void => {
    const reply = (answer: GroupReply): void => void replies.push([who, answer]);
    parts.replica.submit(request, isAbandoned === undefined ? { reply } : { reply, isAbandoned });
  };
  return { ...parts, woken, events, replies, submit };
}

describe('a turn', () => {
  it('is one step with all that came in, in order; each request has a ticket of its own', () => {
    const { replica, script, submit, woken } = rig();
    expect(woken).toEqual([1]);
    submit('a', read);
    replica.input({ type: 'flushed', retainFrom: 7 });
    submit('b', write);
    expect(woken).toEqual([1, 1, 1, 1]);
    replica.turn(0);
    expect(script.steps).toEqual([
      [
        { type: 'request', ticket: 1, request: read },
        { type: 'flushed', retainFrom: 7 },
        { type: 'request', ticket: 2, request: write },
      ],
    ]);
    replica.turn(0);
    expect(script.steps[1]).toEqual([]);
  });

  it('answers who waits for the ticket, once, in this step or a later one', () => {
    const { replica, script, submit, replies } = rig();
    for (const who of ['a', 'b', 'c']) submit(who, read);
    script.answers.push(
      () => ({ outcomes: [{ ticket: 2, reply: found }] }),
      () => ({
        outcomes: [
          { ticket: 3, reply: refusal('busy', 'try again') },
          { ticket: 1, reply: found },
        ],
      }),
      () => ({ outcomes: [1, 2, 3, 99].map((ticket) => ({ ticket, reply: found })) }),
    );
    replica.turn(0);
    expect(replies).toEqual([['b', found]]);
    replica.turn(0);
    replica.turn(0);
    expect(replies.map(([who]) => who)).toEqual(['b', 'c', 'a']);
  });

  it('tells its events after its answers, and is woken again when there is more to do', () => {
    const { replica, script, submit, replies, events, woken } = rig();
    submit('a', read);
    const event: ReplicaEvent = { type: 'applied' };
    script.answers.push(() => ({ outcomes: [{ ticket: 1, reply: found }], events: [event], again: true }));
    woken.length = 0;
    replica.turn(0);
    expect([replies.length, events, woken]).toEqual([1, [event], [1]]);
    replica.turn(0);
    expect(woken).toEqual([1]);
  });

  it('takes what its own answers bring in with the next one', () => {
    const { replica, script, replies } = rig();
    replica.submit(read, {
      reply: (reply) => {
        replies.push(['first', reply]);
        replica.submit(write, { reply: (next) => replies.push(['second', next]) });
      },
    });
    script.answers.push(() => ({ outcomes: [{ ticket: 1, reply: found }] }));
    replica.turn(0);
    expect(script.steps).toHaveLength(1);
    script.answers.push(() => ({ outcomes: [{ ticket: 2, reply: found }] }));
    replica.turn(0);
    expect(script.steps[1]).toEqual([{ type: 'request', ticket: 2, request: write }]);
    expect(replies.map(([who]) => who)).toEqual(['first', 'second']);
  });
});

describe('a request that nobody waits for any more', () => {
  it('is not awaited, and its outcome is dropped', () => {
    const { replica, script, submit, replies } = rig();
    let isGone = false;
    submit('a', read, () => isGone);
    submit('b', read);
    expect([1, 2, 3].map((ticket) => script.seat.awaited(ticket))).toEqual([read, read, undefined]);
    isGone = true;
    expect([1, 2].map((ticket) => script.seat.awaited(ticket))).toEqual([undefined, read]);
    script.answers.push(() => ({ outcomes: [1, 2].map((ticket) => ({ ticket, reply: found })) }));
    replica.turn(0);
    expect(replies).toEqual([['b', found]]);
    expect(script.seat.awaited(2)).toBeUndefined();
  });
});

describe('a replica that is closed', () => {
  it('answers everybody: a read was not served, of a write nobody knows', () => {
    const { replica, script, submit, replies } = rig();
    submit('read', read);
    replica.turn(0);
    submit('write', write);
    submit('open', { type: 'open-session', group: 1 });
    replica.close();
    expect(replies.map(([who, reply]) => [who, reply.type === 'refused' && reply.code])).toEqual([
      ['read', 'unavailable'],
      ['write', 'outcome-unknown'],
      ['open', 'outcome-unknown'],
    ]);
    expect(replies[0]?.[1]).toMatchObject({ message: 'group 1 is no longer served by this node' });
    replica.close();
    script.answers.push(() => ({ outcomes: [1, 2, 3].map((ticket) => ({ ticket, reply: found })) }));
    replica.turn(0);
    expect(replies).toHaveLength(3);
    expect(script.steps.at(-1)).toEqual([]);
  });
});

it('shows what its protocol says', () => {
  const { replica, script } = rig();
  Object.assign(script, {
    serves: true,
    leader: 1,
    healthy: false,
    term: { number: 4, node: 1 },
    heartbeatBody: b('beat'),
  });
  expect([replica.serves, replica.leader, replica.healthy, replica.term]).toEqual([
    true,
    1,
    false,
    { number: 4, node: 1 },
  ]);
  expect(replica.heartbeat()).toEqual(b('beat'));
  expect([replica.applied, replica.log]).toEqual([undefined, undefined]);
  expect([replica.group, replica.members, replica.protocol.name]).toEqual([1, [1, 2, 3], 'scripted']);
});
