/** Arbitrary values of the shared vocabulary, for properties. */
import fc from 'fast-check';
import type { CheckInState, Command, CommandResult, GroupReply, GroupRequest, Layout, Served } from '../src/index.ts';
import type { Reply, ReplyBody, Request, RequestBody } from '../src/index.ts';
import { CREDIT_BYTES_MAX, EPOCH_MAX, errorCodes, PARTITIONS_MAX } from '../src/index.ts';

/** Same properties, same cases on every run. */
export const fixed = { seed: 20260101, numRuns: 300 } as const;

export const uint = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat(),
  fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER),
);
export const bytes = fc.uint8Array({ maxLength: 40 });
export const text = fc.string({ unit: 'binary', maxLength: 12 });
const group = fc.nat(PARTITIONS_MAX);
const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
export const address = fc.record({ host, port: fc.integer({ min: 1, max: 65535 }) });

/** Such as a cluster can have. */
export const layout: fc.Arbitrary<Layout> = fc
  .record({
    clusterId: text,
    epoch: uint.map((epoch) => epoch % EPOCH_MAX),
    routing: fc.constantFrom('key' as const, 'tag' as const),
    nodes: fc.uniqueArray(fc.record({ id: fc.integer({ min: 1, max: 300 }), address, instance: text }), {
      selector: (node) => node.id,
      minLength: 1,
      maxLength: 5,
    }),
    groups: fc.array(fc.record({ protocol: text, first: fc.nat(), count: fc.nat() }), { minLength: 2, maxLength: 6 }),
  })
  .map(({ groups, nodes, ...rest }) => ({
    ...rest,
    nodes,
    groups: groups.map(({ protocol, first, count }, id) => ({
      id,
      protocol,
      members: Array.from({ length: 1 + (count % nodes.length) }, (_, i) => nodes[(first + i) % nodes.length]?.id ?? 0),
    })),
  }));

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const expected = fc.option(bytes, { nil: undefined });

export const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ type: fc.constant('put' as const), key: bytes, value: bytes }),
  fc.record({ type: fc.constant('cas' as const), key: bytes, expected, next: bytes }),
  fc.record({ type: fc.constant('cas-version' as const), key: bytes, expectedVersion: uint, next: bytes }),
  fc.record({ type: fc.constant('delete' as const), key: bytes }),
  fc.record({ type: fc.constant('add' as const), key: bytes, delta: int64 }),
);

export const commandResult: fc.Arbitrary<CommandResult> = fc.oneof(
  fc.record({ type: fc.constant('written' as const), version: uint }),
  fc.record({ type: fc.constant('mismatch' as const), version: uint, value: expected }),
  fc.record({ type: fc.constant('deleted' as const), version: uint, existed: fc.boolean() }),
  fc.record({ type: fc.constant('added' as const), version: uint, value: int64 }),
  fc.record({
    type: fc.constant('failed' as const),
    code: fc.constantFrom('not-a-number' as const, 'out-of-range' as const),
  }),
);

export const groupRequest: fc.Arbitrary<GroupRequest> = fc.oneof(
  fc.record({ type: fc.constant('open-session' as const), group }),
  fc.record({ type: fc.constant('execute' as const), group, session: uint, sequence: uint, floor: uint, command }),
  fc.record({
    type: fc.constant('read' as const),
    group,
    query: fc.record({ type: fc.constant('get' as const), key: bytes }),
  }),
);

const served: fc.Arbitrary<Served> = fc.record({ node: uint, ballot: uint, index: uint });

export const groupReply: fc.Arbitrary<GroupReply> = fc.oneof(
  fc.record({ type: fc.constant('session' as const), session: uint, served }),
  fc.record({ type: fc.constant('result' as const), result: commandResult, served }),
  fc.record({
    type: fc.constant('value' as const),
    found: fc.option(fc.record({ version: uint, value: bytes }), { nil: undefined }),
    served,
  }),
  fc.record({
    type: fc.constant('refused' as const),
    code: fc.constantFrom(...errorCodes),
    message: text,
    leader: uint,
    epoch: uint,
  }),
);

export const checkInState: fc.Arbitrary<CheckInState> = fc.oneof(
  fc.record({ type: fc.constant('forming' as const), present: uint, wanted: uint }),
  fc.record({ type: fc.constant('member' as const), layout }),
  fc.record({ type: fc.constant('spare' as const), layout }),
  fc.record({ type: fc.constant('elsewhere' as const), address }),
  fc.record({ type: fc.constant('rejected' as const), reason: text }),
);

const requestBody: fc.Arbitrary<RequestBody> = fc.oneof(
  fc.constant({ type: 'layout' as const }),
  fc.constant({ type: 'status' as const }),
  fc.record({ type: fc.constant('credit' as const), of: uint, bytes: fc.nat(CREDIT_BYTES_MAX) }),
  fc.record({ type: fc.constant('cancel' as const), of: uint }),
  fc.record({ type: fc.constant('group' as const), forward: fc.boolean(), request: groupRequest }),
  fc.record({
    type: fc.constant('check-in' as const),
    instance: text,
    // Empty stands for none in a frame.
    clusterId: fc.option(fc.string({ minLength: 1, maxLength: 12 }), { nil: undefined }),
    address,
  }),
);

const replyBody: fc.Arbitrary<ReplyBody> = fc.oneof(
  { arbitrary: groupReply, weight: 4 },
  {
    arbitrary: fc.record({ type: fc.constant('layout' as const), layout: fc.option(layout, { nil: undefined }) }),
    weight: 1,
  },
  { arbitrary: fc.record({ type: fc.constant('status' as const), json: text }), weight: 1 },
  {
    arbitrary: fc.record({
      type: fc.constant('checked-in' as const),
      clusterId: text,
      node: uint,
      state: checkInState,
    }),
    weight: 2,
  },
);

export const requests: fc.Arbitrary<Request[]> = fc.array(fc.record({ id: uint, body: requestBody }), { maxLength: 6 });
export const replies: fc.Arbitrary<Reply[]> = fc.array(fc.record({ id: uint, body: replyBody }), { maxLength: 6 });
