/**
 * The protocols that this program can run a group with. A further log protocol is one more entry; see CONTRIBUTING.md.
 */
import { METADATA_PROTOCOL } from '@kvorum/common';
import type { LogTypes, SequencePaxosTypes } from '@kvorum/consensus';
import { SequencePaxos, sequencePaxosCodec } from '@kvorum/consensus';
import type { LogProtocol } from './log-protocol.ts';
import { LogReplica, logTraits } from './log-replica.ts';
import type { ProtocolTable, ReplicationProtocol } from './replication-protocol.ts';

/** A protocol of groups that puts the state machine and sessions on top of a replicated log. */
function logProtocol<T extends LogTypes>(protocol: LogProtocol<T>): ReplicationProtocol {
  return { name: protocol.name, traits: logTraits, open: (seat) => new LogReplica(protocol, seat) };
}

const sequencePaxos = logProtocol<SequencePaxosTypes>({
  name: METADATA_PROTOCOL,
  format: 1,
  codec: sequencePaxosCodec,
  create: (options) => new SequencePaxos(options),
});

export const protocols: ProtocolTable = new Map([[sequencePaxos.name, sequencePaxos]]);
