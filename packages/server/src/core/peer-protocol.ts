/**
 * The protocol between the nodes of a cluster: a frame is a list of messages for any number of groups.
 */
import type { GroupId, GroupReply, GroupRequest, Layout, Writer } from '@kvorum/common';
import {
  limits,
  readGroupReply,
  readGroupRequest,
  readKind,
  readLayout,
  Reader,
  writeGroupReply,
  writeGroupRequest,
  writeLayout,
} from '@kvorum/common';
import type { Ballot, GroupHeartbeat, Message } from '@kvorum/consensus';
import { readBallot, readMessage, writeBallot, writeMessage } from '@kvorum/consensus';
import type { StateRecord } from './storage/storage.ts';

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
      readonly starts: number;
      /** Grows with every reply of that start: a copy that comes late says what was. */
      readonly number: number;
      /** Of the sender's layout. */
      readonly epoch: number;
      readonly groups: readonly (GroupHeartbeat & { readonly group: GroupId })[];
    }
  | { readonly type: 'consensus'; readonly group: GroupId; readonly message: Message }
  /**
   * Serve this request of a client of mine, or pass it on if `hops` is below the limit. Once: a repetition is ignored, also
   * by a later start of the receiver than the one it was sent to, because the first copy may have been refused for good.
   */
  | {
      readonly type: 'forward';
      readonly id: number;
      readonly starts: number;
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
      /** The sender's promise when it opened the transfer. */
      readonly ballot: Ballot;
      readonly records: readonly StateRecord[];
    }
  /** That transfer is unknown here, or no longer known: begin another one. */
  | { readonly type: 'snapshot-lost'; readonly group: GroupId; readonly transfer: number };

const kinds = [
  'heartbeat-request',
  'heartbeat-reply',
  'consensus',
  'forward',
  'forwarded',
  'layout-request',
  'layout',
  'snapshot-request',
  'snapshot-part',
  'snapshot-lost',
] as const;

export function writePeerMessage(writer: Writer, message: PeerMessage): void {
  writer.u8(kinds.indexOf(message.type));
  switch (message.type) {
    case 'heartbeat-request':
      writer.uint(message.round);
      return;
    case 'heartbeat-reply':
      writer.uint(message.round).uint(message.starts).uint(message.number).uint(message.epoch);
      writer.list(message.groups, writeGroupHeartbeat);
      return;
    case 'consensus':
      writer.uint(message.group);
      writeMessage(writer, message.message);
      return;
    case 'forward':
      writer.uint(message.id).uint(message.starts).uint(message.hops);
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
      writeBallot(writer, message.ballot);
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
        starts: reader.uint(),
        number: reader.uint(),
        epoch: reader.uint(),
        groups: reader.list(limits.partitionsMax + 1, readGroupHeartbeat),
      };
    case 'consensus':
      return { type, group: reader.uint(limits.partitionsMax), message: readMessage(reader) };
    case 'forward':
      return {
        type,
        id: reader.uint(),
        starts: reader.uint(),
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
      return { type, group: reader.uint(limits.partitionsMax), transfer: reader.uint(), part: reader.uint() };
    case 'snapshot-lost':
      return { type, group: reader.uint(limits.partitionsMax), transfer: reader.uint() };
    case 'snapshot-part':
      return {
        type,
        group: reader.uint(limits.partitionsMax),
        transfer: reader.uint(),
        part: reader.uint(),
        ballot: readBallot(reader),
        records: reader.list(limits.frameBytesMax, (r) => ({
          key: r.bytes(limits.frameBytesMax),
          value: r.bytes(limits.frameBytesMax),
        })),
      };
  }
}

function writeGroupHeartbeat(writer: Writer, heartbeat: GroupHeartbeat & { readonly group: GroupId }): void {
  writer.uint(heartbeat.group);
  writeBallot(writer, heartbeat.ballot);
  writeBallot(writer, heartbeat.leader);
  writer.bool(heartbeat.happy).uint(heartbeat.leadingDecidedIndex);
}

function readGroupHeartbeat(reader: Reader): GroupHeartbeat & { readonly group: GroupId } {
  return {
    group: reader.uint(limits.partitionsMax),
    ballot: readBallot(reader),
    leader: readBallot(reader),
    happy: reader.bool(),
    leadingDecidedIndex: reader.uint(),
  };
}
