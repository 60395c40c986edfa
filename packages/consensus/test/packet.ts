/** Messages under way between the replicas of a test cluster. */
import type { NodeId } from '@kvorum/common';
import { equalBytes, Reader, Writer } from '@kvorum/common';
import type { Message } from '../src/sequence-paxos/messages.ts';
import { readMessage, writeMessage } from '../src/sequence-paxos/messages.ts';

export interface Packet {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly message: Message;
  /** The encoding when it was queued; what is delivered is decoded from it. */
  readonly bytes: Uint8Array;
}

/** Which packets; an absent field matches all. */
export interface Where {
  readonly from?: NodeId;
  readonly to?: NodeId;
  readonly type?: Message['type'];
}

export function matches(packet: Packet, { from, to, type }: Where): boolean {
  return (
    (from === undefined || packet.from === from) &&
    (to === undefined || packet.to === to) &&
    (type === undefined || packet.message.type === type)
  );
}

export function pack(from: NodeId, to: NodeId, message: Message): Packet {
  return { from, to, message, bytes: encode(message) };
}

/** What arrives. Throws if the message has changed since it was queued. */
export function unpack(packet: Packet): Message {
  if (!equalBytes(encode(packet.message), packet.bytes))
    throw new Error(`mutated in the queue: ${packet.message.type}`);
  return readMessage(new Reader(packet.bytes));
}

/** Whether it carries a part only of what it announces. */
export function isPart(message: Message): boolean {
  if (message.type === 'accept-sync') return message.entries.length < message.to - message.from;
  return message.type === 'promise' && message.suffixFrom + message.suffix.length < message.logLength;
}

/** One name for both directions. */
export function linkOf(a: NodeId, b: NodeId): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}

function encode(message: Message): Uint8Array {
  const writer = new Writer();
  writeMessage(writer, message);
  return writer.finish();
}
