/**
 * What a node remembers about itself and its cluster, in records of the log storage.
 */
import type { Address, Layout, NodeId, Random } from '@kvorum/common';
import { limits, readAddress, readLayout, writeAddress, writeLayout, Writer } from '@kvorum/common';
import { readSealed, seal } from '../storage/log-record.ts';
import type { LogStorage } from '../storage/storage.ts';

/** Names the data directory; made at the first start. */
export interface Identity {
  readonly instance: string;
  /** Empty and 0 until a cluster took the node in. */
  readonly clusterId: string;
  readonly node: NodeId;
  /** How often the node was started, this time included. */
  readonly starts: number;
}

/** A node that checked in while the cluster was being formed. */
export interface RosterEntry {
  readonly id: NodeId;
  readonly instance: string;
  readonly address: Address;
}

export const IDENTITY_RECORD = 'identity';
export const LAYOUT_RECORD = 'layout';
export const ROSTER_RECORD = 'roster';

export function readIdentity(storage: LogStorage): Identity | undefined {
  const record = storage.readRecord(IDENTITY_RECORD);
  return (
    record &&
    readSealed(record, 'the identity record', (reader) => ({
      instance: reader.text(64),
      clusterId: reader.text(64),
      node: reader.uint(),
      starts: reader.uint(),
    }))
  );
}

export function encodeIdentity(identity: Identity): Uint8Array {
  const writer = new Writer().text(identity.instance).text(identity.clusterId);
  return seal(writer.uint(identity.node).uint(identity.starts).finish());
}

export function readStoredLayout(storage: LogStorage): Layout | undefined {
  const record = storage.readRecord(LAYOUT_RECORD);
  return record && readSealed(record, 'the layout record', readLayout);
}

export function encodeLayout(layout: Layout): Uint8Array {
  const writer = new Writer();
  writeLayout(writer, layout);
  return writer.finish();
}

export function readRoster(storage: LogStorage): RosterEntry[] | undefined {
  const record = storage.readRecord(ROSTER_RECORD);
  return (
    record &&
    readSealed(record, 'the roster record', (reader) =>
      reader.list(limits.nodesMax, (r) => ({ id: r.uint(), instance: r.text(64), address: readAddress(r) })),
    )
  );
}

export function encodeRoster(roster: readonly RosterEntry[]): Uint8Array {
  const writer = new Writer();
  writer.list(roster, (w, entry) => {
    w.uint(entry.id).text(entry.instance);
    writeAddress(w, entry.address);
  });
  return seal(writer.finish());
}

/** 64 random bits, as 16 hexadecimal digits. */
export function randomId(random: Random): string {
  const half = (): string => random.nextUint32().toString(16).padStart(8, '0');
  return half() + half();
}
