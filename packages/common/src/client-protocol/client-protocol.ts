/**
 * The protocol between clients and nodes. A frame is a list of messages; each request has an id that its reply repeats.
 * Ids grow on a connection: one that does not is a repetition, and closes it.
 * Nodes that want to join speak it too: a check-in is a request.
 */
import { DecodeError, Reader, Writer } from '../codec.ts';
import type { Answer, Command, CommandResult, Query } from '../key-value/commands.ts';
import {
  readAnswer,
  readCommand,
  readCommandResult,
  readKind,
  readQuery,
  writeAnswer,
  writeCommand,
  writeCommandResult,
  writeQuery,
} from '../key-value/commands.ts';
import type { ErrorCode } from '../errors.ts';
import { errorCodes } from '../errors.ts';
import type { Address, GroupId, NodeId } from '../ids.ts';
import type { Layout } from '../layout/layout.ts';
import { readAddress, readLayout, writeAddress, writeLayout } from '../layout/layout.ts';
import { FRAME_BYTES_MAX, PARTITIONS_MAX, REQUESTS_PER_FRAME_MAX } from '../limits.ts';

/** Path and websocket subprotocol; another version of the protocol has another number. */
export const CLIENT_PATH = '/client';
export const CLIENT_PROTOCOL_VERSION = 2;
export const CLIENT_SUBPROTOCOL = `kvorum.client.${CLIENT_PROTOCOL_VERSION}`;

/** What a group is asked, by a client or on its behalf by another node. */
export type GroupRequest =
  /** Opens a session: a logged command; the reply names the session. */
  | { readonly type: 'open-session'; readonly group: GroupId }
  /**
   * Executes a command at most once: a retry carries the same session and sequence. `floor` is the lowest sequence of
   * the session that the client still waits for; replies below it can be forgotten.
   */
  | {
      readonly type: 'execute';
      readonly group: GroupId;
      readonly session: number;
      readonly sequence: number;
      readonly floor: number;
      readonly command: Command;
    }
  /** A linearizable read. */
  | { readonly type: 'read'; readonly group: GroupId; readonly query: Query };

export type RequestBody =
  | { readonly type: 'layout' }
  /** Lets the stream of replies to an earlier request go on by so many bytes; has no reply of its own. */
  | { readonly type: 'credit'; readonly of: number; readonly bytes: number }
  /** Ends the stream of replies to an earlier request; has no reply of its own. */
  | { readonly type: 'cancel'; readonly of: number }
  /** What the node knows about itself and its groups, as JSON. */
  | { readonly type: 'status' }
  /** `forward`: a node that does not lead the group passes the request on instead of answering not-leader. */
  | { readonly type: 'group'; readonly forward: boolean; readonly request: GroupRequest }
  /** From a node that wants to join. `instance` names its data directory, for good. */
  | {
      readonly type: 'check-in';
      readonly instance: string;
      readonly clusterId: string | undefined;
      readonly address: Address;
    };

/** Who served a request, and where in the order of its group. */
export interface Served {
  readonly node: NodeId;
  /** The number of the ballot the leader had. */
  readonly ballot: number;
  /** Log entries decided before the answer was taken from the state. */
  readonly index: number;
}

export type GroupReply =
  | { readonly type: 'session'; readonly session: number; readonly served: Served }
  | { readonly type: 'result'; readonly result: CommandResult; readonly served: Served }
  | (Answer & { readonly served: Served })
  /** `leader` is a hint with not-leader, `epoch` the node's layout epoch with wrong-group; 0 for none. */
  | {
      readonly type: 'refused';
      readonly code: ErrorCode;
      readonly message: string;
      readonly leader: NodeId;
      readonly epoch: number;
    };

export type CheckInState =
  /** `present` of `wanted` nodes have checked in. */
  | { readonly type: 'forming'; readonly present: number; readonly wanted: number }
  /** The layout names this node: persist it and start. */
  | { readonly type: 'member'; readonly layout: Layout }
  /** The cluster is complete without this node. */
  | { readonly type: 'spare'; readonly layout: Layout }
  /** Not a node that forms the cluster: check in there. */
  | { readonly type: 'elsewhere'; readonly address: Address }
  | { readonly type: 'rejected'; readonly reason: string };

export type ReplyBody =
  | GroupReply
  /** Undefined while the cluster is being formed. */
  | { readonly type: 'layout'; readonly layout: Layout | undefined }
  | { readonly type: 'status'; readonly json: string }
  | {
      readonly type: 'checked-in';
      readonly clusterId: string;
      readonly node: NodeId;
      readonly state: CheckInState;
    };

export interface Request {
  readonly id: number;
  readonly body: RequestBody;
  /**
   * How many bytes of replies the client takes before it grants more: it asks for a stream, which goes on until it is
   * cancelled. Without it there is one reply. Pushed replies count against the credit, never against the connection's
   * backlog, so that a slow watcher costs its own stream only.
   */
  readonly credit?: number;
}

export interface Reply {
  readonly id: number;
  readonly body: ReplyBody;
  /** Others will follow to the same request. */
  readonly more?: boolean;
}

/** What a client may grant at a time. */
export const CREDIT_BYTES_MAX = 64 * 1024 * 1024;

const requestKinds = ['layout', 'status', 'group', 'check-in', 'credit', 'cancel'] as const;
const groupRequestKinds = ['open-session', 'execute', 'read'] as const;
const replyKinds = ['session', 'result', 'value', 'refused', 'layout', 'status', 'checked-in'] as const;
const checkInKinds = ['forming', 'member', 'spare', 'elsewhere', 'rejected'] as const;

export function encodeRequests(requests: readonly Request[]): Uint8Array {
  const writer = new Writer();
  for (const request of requests) {
    writer.uint(request.id).uint(request.credit ?? 0);
    writeRequestBody(writer, request.body);
  }
  return writer.finish();
}

/** Throws a {@link DecodeError} when the frame is not a list of requests. */
export function decodeRequests(frame: Uint8Array): Request[] {
  const reader = new Reader(frame);
  const requests: Request[] = [];
  while (reader.remaining > 0) {
    if (requests.length === REQUESTS_PER_FRAME_MAX) {
      throw new DecodeError(`more than ${REQUESTS_PER_FRAME_MAX} requests in a frame`);
    }
    const id = reader.uint();
    const credit = reader.uint(CREDIT_BYTES_MAX);
    const body = readRequestBody(reader);
    requests.push(credit === 0 ? { id, body } : { id, body, credit });
  }
  return requests;
}

function writeRequestBody(writer: Writer, body: RequestBody): void {
  writer.u8(requestKinds.indexOf(body.type));
  switch (body.type) {
    case 'layout':
    case 'status':
      return;
    case 'group':
      writer.bool(body.forward);
      writeGroupRequest(writer, body.request);
      return;
    case 'check-in':
      writer.text(body.instance).text(body.clusterId ?? '');
      writeAddress(writer, body.address);
      return;
    case 'credit':
      writer.uint(body.of).uint(body.bytes);
      return;
    case 'cancel':
      writer.uint(body.of);
      return;
  }
}

function readRequestBody(reader: Reader): RequestBody {
  const type = readKind(reader, requestKinds);
  switch (type) {
    case 'layout':
    case 'status':
      return { type };
    case 'group':
      return { type, forward: reader.bool(), request: readGroupRequest(reader) };
    case 'check-in': {
      const instance = reader.text(64);
      const clusterId = reader.text(64);
      return { type, instance, clusterId: clusterId === '' ? undefined : clusterId, address: readAddress(reader) };
    }
    case 'credit':
      return { type, of: reader.uint(), bytes: reader.uint(CREDIT_BYTES_MAX) };
    case 'cancel':
      return { type, of: reader.uint() };
  }
}

export function writeGroupRequest(writer: Writer, request: GroupRequest): void {
  writer.u8(groupRequestKinds.indexOf(request.type)).uint(request.group);
  switch (request.type) {
    case 'open-session':
      return;
    case 'execute':
      writer.uint(request.session).uint(request.sequence).uint(request.floor);
      writeCommand(writer, request.command);
      return;
    case 'read':
      writeQuery(writer, request.query);
      return;
  }
}

export function readGroupRequest(reader: Reader): GroupRequest {
  const type = readKind(reader, groupRequestKinds);
  const group = reader.uint(PARTITIONS_MAX);
  switch (type) {
    case 'open-session':
      return { type, group };
    case 'execute':
      return {
        type,
        group,
        session: reader.uint(),
        sequence: reader.uint(),
        floor: reader.uint(),
        command: readCommand(reader),
      };
    case 'read':
      return { type, group, query: readQuery(reader) };
  }
}

export function encodeReplies(replies: readonly Reply[]): Uint8Array {
  const writer = new Writer();
  for (const reply of replies) writeReply(writer, reply);
  return writer.finish();
}

export function writeReply(writer: Writer, reply: Reply): void {
  writer.uint(reply.id).bool(reply.more === true);
  const { body } = reply;
  switch (body.type) {
    case 'layout':
      writer.u8(replyKinds.indexOf(body.type)).bool(body.layout !== undefined);
      if (body.layout !== undefined) writeLayout(writer, body.layout);
      return;
    case 'status':
      writer.u8(replyKinds.indexOf(body.type)).text(body.json);
      return;
    case 'checked-in':
      writer.u8(replyKinds.indexOf(body.type)).text(body.clusterId).uint(body.node);
      writeCheckInState(writer, body.state);
      return;
    default:
      writeGroupReply(writer, body);
  }
}

/** Throws a {@link DecodeError} when the frame is not a list of replies. */
export function decodeReplies(frame: Uint8Array): Reply[] {
  const reader = new Reader(frame);
  const replies: Reply[] = [];
  while (reader.remaining > 0) {
    const id = reader.uint();
    const more = reader.bool();
    const body = readReplyBody(reader);
    replies.push(more ? { id, body, more } : { id, body });
  }
  return replies;
}

export function writeGroupReply(writer: Writer, reply: GroupReply): void {
  writer.u8(replyKinds.indexOf(reply.type));
  switch (reply.type) {
    case 'session':
      writer.uint(reply.session);
      writeServed(writer, reply.served);
      return;
    case 'result':
      writeCommandResult(writer, reply.result);
      writeServed(writer, reply.served);
      return;
    case 'value':
      writeAnswer(writer, reply);
      writeServed(writer, reply.served);
      return;
    case 'refused':
      writer.u8(errorCodes.indexOf(reply.code)).text(reply.message).uint(reply.leader).uint(reply.epoch);
      return;
  }
}

export function readGroupReply(reader: Reader): GroupReply {
  const body = readReplyBody(reader);
  if (body.type === 'layout' || body.type === 'status' || body.type === 'checked-in') {
    throw new DecodeError(`${body.type} is not a group's reply`);
  }
  return body;
}

function readReplyBody(reader: Reader): ReplyBody {
  const type = readKind(reader, replyKinds);
  switch (type) {
    case 'session':
      return { type, session: reader.uint(), served: readServed(reader) };
    case 'result':
      return { type, result: readCommandResult(reader), served: readServed(reader) };
    case 'value': {
      // Not spread: there are many, and a spread is slow.
      const { found } = readAnswer(reader);
      return { type, found, served: readServed(reader) };
    }
    case 'refused':
      return {
        type,
        code: readKind(reader, errorCodes),
        message: reader.text(1024),
        leader: reader.uint(),
        epoch: reader.uint(),
      };
    case 'layout':
      return { type, layout: reader.bool() ? readLayout(reader) : undefined };
    case 'status':
      return { type, json: reader.text(FRAME_BYTES_MAX) };
    case 'checked-in':
      return { type, clusterId: reader.text(64), node: reader.uint(), state: readCheckInState(reader) };
  }
}

function writeServed(writer: Writer, served: Served): void {
  writer.uint(served.node).uint(served.ballot).uint(served.index);
}

function readServed(reader: Reader): Served {
  return { node: reader.uint(), ballot: reader.uint(), index: reader.uint() };
}

function writeCheckInState(writer: Writer, state: CheckInState): void {
  writer.u8(checkInKinds.indexOf(state.type));
  switch (state.type) {
    case 'forming':
      writer.uint(state.present).uint(state.wanted);
      return;
    case 'member':
    case 'spare':
      writeLayout(writer, state.layout);
      return;
    case 'elsewhere':
      writeAddress(writer, state.address);
      return;
    case 'rejected':
      writer.text(state.reason);
      return;
  }
}

function readCheckInState(reader: Reader): CheckInState {
  const type = readKind(reader, checkInKinds);
  switch (type) {
    case 'forming':
      return { type, present: reader.uint(), wanted: reader.uint() };
    case 'member':
    case 'spare':
      return { type, layout: readLayout(reader) };
    case 'elsewhere':
      return { type, address: readAddress(reader) };
    case 'rejected':
      return { type, reason: reader.text(1024) };
  }
}
