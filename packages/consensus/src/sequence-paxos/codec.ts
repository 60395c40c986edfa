/**
 * How Sequence Paxos stands in frames and records.
 */
import type { LogCodec } from '../replicated-log.ts';
import { readBallot, writeBallot } from './ballot.ts';
import { readMessage, writeMessage } from './messages.ts';
import type { SequencePaxosTypes } from './types.ts';

export const sequencePaxosCodec: LogCodec<SequencePaxosTypes> = {
  writeMessage,
  readMessage,
  writeHardState(writer, hardState) {
    writeBallot(writer, hardState.promisedBallot);
    writeBallot(writer, hardState.acceptedBallot);
    writer.uint(hardState.decidedIndex);
  },
  readHardState: (reader) => ({
    promisedBallot: readBallot(reader),
    acceptedBallot: readBallot(reader),
    decidedIndex: reader.uint(),
  }),
  writeHeartbeat(writer, heartbeat) {
    writeBallot(writer, heartbeat.ballot);
    writeBallot(writer, heartbeat.leaderBallot);
    writer.bool(heartbeat.happy).uint(heartbeat.leadingDecidedIndex);
  },
  readHeartbeat: (reader) => ({
    ballot: readBallot(reader),
    leaderBallot: readBallot(reader),
    happy: reader.bool(),
    leadingDecidedIndex: reader.uint(),
  }),
  writeProof: writeBallot,
  readProof: readBallot,
};
