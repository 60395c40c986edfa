/**
 * What a node remembers about itself and its cluster, in its node records.
 */
import type { Address, Layout, NodeId, Random } from '@kvorum/common';
import { NODES_MAX, readAddress, readLayout, writeAddress, writeLayout, Writer } from '@kvorum/common';
import { INCARNATION_MAX } from '../peer-protocol.ts';
import { readSealed, seal } from '../storage/sealed-record.ts';
import type { NodeRecords } from '../storage/storage-ports.ts';
import { CorruptRecord } from '../storage/storage-ports.ts';

/** Names the data directory; made at the first start. */
export interface Identity {
  readonly instance: string;
  /** Empty and 0 until a cluster took the node in. */
  readonly clusterId: string;
  readonly node: NodeId;
  /** How often the node was started, this time included. */
  readonly incarnation: number;
}

/** A node that checked in while the cluster was being formed. */
export interface RosterEntry {
  readonly id: NodeId;
  readonly instance: string;
  readonly address: Address;
}

const IDENTITY_FORMAT = 1;
const LAYOUT_RECORD_FORMAT = 1;
const ROSTER_FORMAT = 1;

export const IDENTITY_RECORD = 'identity';
export const LAYOUT_RECORD = 'layout';
export const ROSTER_RECORD = 'roster';

export function readIdentity(records: NodeRecords): Identity | undefined {
  const record = records.read(IDENTITY_RECORD);
  return (
    record &&
    readSealed(record, 'the identity record', IDENTITY_FORMAT, (reader) => ({
      instance: reader.text(64),
      clusterId: reader.text(64),
      node: reader.uint(),
      incarnation: reader.uint(INCARNATION_MAX),
    }))
  );
}

export function encodeIdentity(identity: Identity): Uint8Array {
  const { instance, clusterId, node, incarnation } = identity;
  return seal(IDENTITY_FORMAT, (writer) => {
    writer.text(instance).text(clusterId).uint(node).uint(incarnation, INCARNATION_MAX);
  });
}

export function readStoredLayout(records: NodeRecords): Layout | undefined {
  const record = records.read(LAYOUT_RECORD);
  return record && readSealed(record, 'the layout record', LAYOUT_RECORD_FORMAT, readLayout);
}

/** Throws CorruptRecord for records of two directories, or of two clusters. A node that was removed is in its layout no more. */
export function checkIsSameNode({ clusterId, node, instance }: Identity, layout: Layout): void {
  const named = layout.nodes.find(({ id }) => id === node);
  if (layout.clusterId === clusterId && (named === undefined || named.instance === instance)) return;
  throw new CorruptRecord(
    `the identity record is of node ${node} of cluster ${clusterId}, instance ${instance}; the layout record is of cluster ` +
      `${layout.clusterId} and has instance ${named?.instance ?? '?'} there: they do not belong together`,
  );
}

export function encodeLayout(layout: Layout): Uint8Array {
  const writer = new Writer();
  writeLayout(writer, layout);
  return writer.finish();
}

/** As a record of its own. */
export function encodeLayoutRecord(layout: Layout): Uint8Array {
  return seal(LAYOUT_RECORD_FORMAT, (writer) => writeLayout(writer, layout));
}

export function readRoster(records: NodeRecords): RosterEntry[] | undefined {
  const record = records.read(ROSTER_RECORD);
  return (
    record &&
    readSealed(record, 'the roster record', ROSTER_FORMAT, (reader) =>
      reader.list(NODES_MAX, (r) => ({ id: r.uint(), instance: r.text(64), address: readAddress(r) })),
    )
  );
}

export function encodeRoster(roster: readonly RosterEntry[]): Uint8Array {
  return seal(ROSTER_FORMAT, (writer) => {
    writer.list(roster, (w, entry) => {
      w.uint(entry.id).text(entry.instance);
      writeAddress(w, entry.address);
    });
  });
}

/** 64 random bits, as 16 hexadecimal digits. */
export function randomId(random: Random): string {
  const half = (): string => random.nextUint32().toString(16).padStart(8, '0');
  return half() + half();
}
