/**
 * The protocol between the nodes of a cluster: a frame is a list of messages for any number of groups. What the members of a
 * group say to each other is opaque here: the protocol that the group runs has its own encoding.
 */
import type { GroupId, GroupReply, GroupRequest, Layout, Writer } from '@kvorum/common';
import {
  FRAME_BYTES_MAX,
  PARTITIONS_MAX,
  readGroupReply,
  readGroupRequest,
  readKind,
  EPOCH_MAX,
  readLayout,
  Reader,
  writeGroupReply,
  writeGroupRequest,
  writeLayout,
} from '@kvorum/common';
import type { StateRecord } from './storage/storage-ports.ts';

/** What a member says of itself about one group, in the encoding of the group's protocol. */
export interface GroupHeartbeat {
  readonly group: GroupId;
  readonly body: Uint8Array;
}

export type PeerMessage =
  /** Are you there? To every peer, each round. */
  | { readonly type: 'heartbeat-request'; readonly round: number }
  /**
   * I am, and this is how the groups are doing that we share. Round 0: not an answer, but news about some groups, sent
   * when they change rather than when the next round asks.
   */
  | {
      readonly type: 'heartbeat-reply';
      readonly round: number;
      /** How often the sender was started. */
      readonly incarnation: number;
      /** Grows with every reply of that incarnation: a copy that comes late says what was. */
      readonly number: number;
      /** Of the sender's layout. */
      readonly epoch: number;
      readonly groups: readonly GroupHeartbeat[];
    }
  /** Between the members of a group, in the encoding of its protocol. */
  | { readonly type: 'replica'; readonly group: GroupId; readonly body: Uint8Array }
  /**
   * Serve this request of a client of mine, or pass it on if `hops` is below the limit. Once: a repetition is ignored, also
   * by a later incarnation of the receiver than the one it was sent to, because the first copy may have been refused for good.
   */
  | {
      readonly type: 'forward';
      readonly id: number;
      readonly incarnation: number;
      readonly hops: number;
      readonly request: GroupRequest;
    }
  | { readonly type: 'forwarded'; readonly id: number; readonly reply: GroupReply }
  | { readonly type: 'layout-request' }
  | { readonly type: 'layout'; readonly layout: Layout }
  /** Send me this part of your state of the group; part 0 opens a transfer of the requester's choosing. */
  | {
      readonly type: 'snapshot-request';
      readonly group: GroupId;
      readonly transfer: number;
      readonly part: number;
    }
  /** An empty part is the last. */
  | {
      readonly type: 'snapshot-part';
      readonly group: GroupId;
      readonly transfer: number;
      readonly part: number;
      /** What the sender's log says of the state, in the encoding of the group's protocol. */
      readonly proof: Uint8Array;
      readonly records: readonly StateRecord[];
    }
  /** That transfer is unknown here, or no longer known: begin another one. */
  | { readonly type: 'snapshot-lost'; readonly group: GroupId; readonly transfer: number };

const kinds = [
  'heartbeat-request',
  'heartbeat-reply',
  'replica',
  'forward',
  'forwarded',
  'layout-request',
  'layout',
  'snapshot-request',
  'snapshot-part',
  'snapshot-lost',
] as const;

/** How often a node can be started, far beyond any that is. */
export const INCARNATION_MAX = 2 ** 24;
const PROOF_BYTES_MAX = 1024;
const HEARTBEAT_BYTES_MAX = 1024;

/**
 * Begins a message between the members of a group, which its protocol writes right into the frame; `writer.endSized` takes what
 * this returns and ends it.
 */
export function beginReplicaMessage(writer: Writer, group: GroupId): number {
  return writer.u8(kinds.indexOf('replica')).uint(group).beginSized();
}

export function writePeerMessage(writer: Writer, message: PeerMessage): void {
  writer.u8(kinds.indexOf(message.type));
  switch (message.type) {
    case 'heartbeat-request':
      writer.uint(message.round);
      return;
    case 'heartbeat-reply':
      writer.uint(message.round).uint(message.incarnation).uint(message.number).uint(message.epoch);
      writer.list(message.groups, writeGroupHeartbeat);
      return;
    case 'replica':
      writer.uint(message.group).u32(message.body.length).raw(message.body);
      return;
    case 'forward':
      writer.uint(message.id).uint(message.incarnation).uint(message.hops);
      writeGroupRequest(writer, message.request);
      return;
    case 'forwarded':
      writer.uint(message.id);
      writeGroupReply(writer, message.reply);
      return;
    case 'layout-request':
      return;
    case 'layout':
      writeLayout(writer, message.layout);
      return;
    case 'snapshot-request':
      writer.uint(message.group).uint(message.transfer).uint(message.part);
      return;
    case 'snapshot-part':
      writer.uint(message.group).uint(message.transfer).uint(message.part);
      writer.bytes(message.proof);
      writer.list(message.records, (w, record) => w.bytes(record.key).bytes(record.value ?? new Uint8Array()));
      return;
    case 'snapshot-lost':
      writer.uint(message.group).uint(message.transfer);
      return;
  }
}

/** Throws a DecodeError when the frame is not a list of messages. */
export function decodePeerFrame(frame: Uint8Array): PeerMessage[] {
  const reader = new Reader(frame);
  const messages: PeerMessage[] = [];
  while (reader.remaining > 0) messages.push(readPeerMessage(reader));
  return messages;
}

function readPeerMessage(reader: Reader): PeerMessage {
  const type = readKind(reader, kinds);
  switch (type) {
    case 'heartbeat-request':
      return { type, round: reader.uint() };
    case 'heartbeat-reply':
      return {
        type,
        round: reader.uint(),
        incarnation: reader.uint(INCARNATION_MAX),
        number: reader.uint(),
        epoch: reader.uint(EPOCH_MAX),
        groups: reader.list(PARTITIONS_MAX + 1, readGroupHeartbeat),
      };
    case 'replica':
      return { type, group: reader.uint(PARTITIONS_MAX), body: reader.sized() };
    case 'forward':
      return {
        type,
        id: reader.uint(),
        incarnation: reader.uint(INCARNATION_MAX),
        hops: reader.uint(),
        request: readGroupRequest(reader),
      };
    case 'forwarded':
      return { type, id: reader.uint(), reply: readGroupReply(reader) };
    case 'layout-request':
      return { type };
    case 'layout':
      return { type, layout: readLayout(reader) };
    case 'snapshot-request':
      return { type, group: reader.uint(PARTITIONS_MAX), transfer: reader.uint(), part: reader.uint() };
    case 'snapshot-lost':
      return { type, group: reader.uint(PARTITIONS_MAX), transfer: reader.uint() };
    case 'snapshot-part':
      return {
        type,
        group: reader.uint(PARTITIONS_MAX),
        transfer: reader.uint(),
        part: reader.uint(),
        proof: reader.bytes(PROOF_BYTES_MAX),
        records: reader.list(FRAME_BYTES_MAX, (r) => ({
          key: r.bytes(FRAME_BYTES_MAX),
          value: r.bytes(FRAME_BYTES_MAX),
        })),
      };
  }
}

function writeGroupHeartbeat(writer: Writer, { group, body }: GroupHeartbeat): void {
  writer.uint(group).bytes(body);
}

function readGroupHeartbeat(reader: Reader): GroupHeartbeat {
  return { group: reader.uint(PARTITIONS_MAX), body: reader.bytes(HEARTBEAT_BYTES_MAX) };
}
