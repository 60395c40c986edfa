/**
 * Frames as people read them: which messages a frame carries, about which groups.
 */
import type { GroupReply, GroupRequest, ReplyBody, RequestBody } from '@kvorum/common';
import { decodeAll, decodeReplies, decodeRequests, decodeUtf8 } from '@kvorum/common';
import type { Message } from '@kvorum/consensus';
import { formatTerm, sequencePaxosCodec } from '@kvorum/consensus';
import type { GroupHeartbeat, PeerMessage } from '@kvorum/server/core';
import { decodePeerFrame } from '@kvorum/server/core';
import type { Part } from './recording.ts';
import { isClient } from '../world/process-name.ts';
import { NO_GROUP } from './recording.ts';

/** Which protocol a frame speaks. Nodes that join speak the clients' protocol to each other. */
export type Channel = 'peer' | 'request' | 'reply';

/** Without a channel it is told from the ends; between nodes it is what the frame decodes as. */
export function framePartsOf(from: number, to: number, channel: Channel | undefined, frame: Uint8Array): Part[] {
  if (channel !== undefined) return decoded(channel, frame);
  if (isClient(from)) return decoded('request', frame);
  if (isClient(to)) return decoded('reply', frame);
  const readings = (['peer', 'request', 'reply'] as const).map((guess) => decoded(guess, frame));
  return readings.find((parts) => parts.every(({ kind }) => kind !== 'unreadable')) ?? decoded('peer', frame);
}

/** A frame that does not decode becomes one part that says so: it may be what a fault made of it. */
function decoded(channel: Channel, frame: Uint8Array): Part[] {
  try {
    if (channel === 'request') return decodeRequests(frame).map(({ body }) => requestPart(body));
    if (channel === 'reply') return decodeReplies(frame).map(({ body }) => replyPart(body));
    return decodePeerFrame(frame).map(peerPart);
  } catch {
    return [part('unreadable', NO_GROUP, `${frame.length} bytes that do not decode`)];
  }
}

function part(kind: Part['kind'], group: number, text: string, ballot?: string, entries?: Part['entries']): Part {
  return { kind, group, text, ballot, entries };
}

function peerPart(message: PeerMessage): Part {
  switch (message.type) {
    case 'heartbeat-request':
      return part('heartbeat', NO_GROUP, 'heartbeat request');
    case 'heartbeat-reply': {
      const kind = message.round === 0 ? 'heartbeat news' : 'heartbeat reply';
      return part('heartbeat', NO_GROUP, `${kind}: ${message.groups.map(heartbeatText).join('; ')}`);
    }
    case 'replica':
      return consensusPart(
        message.group,
        decodeAll(message.body, (reader) => sequencePaxosCodec.readMessage(reader)),
      );
    case 'forward':
      return part('forward', message.request.group, `forwarded ${requestText(message.request)}`);
    case 'forwarded':
      return part('forward', NO_GROUP, `answer to a forwarded request: ${replyText(message.reply)}`);
    case 'layout-request':
      return part('layout', NO_GROUP, 'layout request');
    case 'layout':
      return part('layout', NO_GROUP, `layout, epoch ${message.layout.epoch}`);
    case 'snapshot-request':
      return part('snapshot', message.group, `snapshot request, part ${message.part}`);
    case 'snapshot-lost':
      return part('snapshot', message.group, 'snapshot transfer is not known');
    case 'snapshot-part':
      return part('snapshot', message.group, `snapshot part ${message.part}, ${message.records.length} records`);
  }
}

function heartbeatText({ group, body }: GroupHeartbeat): string {
  const heartbeat = decodeAll(body, (reader) => sequencePaxosCodec.readHeartbeat(reader));
  const view = heartbeat.happy ? 'sees' : 'misses';
  return `group ${group} ${view} its leader ${formatTerm(heartbeat.leaderBallot)}`;
}

function consensusPart(group: number, message: Message): Part {
  if (message.type === 'prepare-request') return part('prepare-request', group, 'prepare me again');
  const ballot = formatTerm(message.ballot);
  const says = (kind: Part['kind'], text: string, from = 0, end = 0): Part =>
    part(kind, group, text, ballot, end > from ? [from, end] : undefined);
  switch (message.type) {
    case 'prepare':
      return says('prepare', `prepare ${ballot}`);
    case 'promise': {
      const { suffix, suffixFrom, logLength } = message;
      const brings = suffix.length === 0 ? '' : ` with ${range(suffixFrom, suffix.length)}`;
      return says('promise', `promise ${ballot}, log of ${logLength}${brings}`, suffixFrom, suffixFrom + suffix.length);
    }
    case 'accept-sync':
      return says(
        'accept-sync',
        `accept-sync ${range(message.from, message.to - message.from)}`,
        message.from,
        message.to,
      );
    case 'accept':
      return says('accept', `accept ${range(message.from, message.entries.length)}`);
    case 'accepted':
      return says('accepted', `accepted below ${message.acceptedIndex}`);
    case 'decide':
      return says('decide', `decide below ${message.decidedIndex}`);
    case 'snapshot-offer':
      return says('snapshot', `snapshot offer of ${message.index}`);
    case 'read-check':
      return says('read-check', 'am I still the leader?');
    case 'read-checked':
      return says('read-checked', `nothing promised above ${ballot}`);
  }
}

function range(from: number, length: number): string {
  if (length <= 0) return `nothing from ${from}`;
  return length === 1 ? String(from) : `${from}–${from + length - 1}`;
}

function requestPart(body: RequestBody): Part {
  if (body.type === 'group') return part('request', body.request.group, requestText(body.request));
  return part('request', NO_GROUP, body.type);
}

function requestText(request: GroupRequest): string {
  switch (request.type) {
    case 'open-session':
      return 'open session';
    case 'read':
      return `get ${decodeUtf8(request.query.key)}`;
    case 'execute':
      return `${request.command.type} ${decodeUtf8(request.command.key)}`;
  }
}

function replyPart(body: ReplyBody): Part {
  const text =
    body.type === 'layout' || body.type === 'status' || body.type === 'checked-in' ? body.type : replyText(body);
  return part('reply', NO_GROUP, text);
}

function replyText(reply: GroupReply): string {
  switch (reply.type) {
    case 'session':
      return 'session opened';
    case 'result':
      return 'version' in reply.result && reply.result.type !== 'deleted'
        ? `${reply.result.type}, version ${reply.result.version}`
        : reply.result.type;
    case 'value':
      return reply.found === undefined ? 'absent' : `value of version ${reply.found.version}`;
    case 'refused':
      return `refused: ${reply.code}`;
  }
}
