/** The real and the simulated storage pass the suites of the three storage ports. */
import { appliedStateStorageSuite, nodeRecordsSuite, replicatedLogStorageSuite } from '@kvorum/testing';
import { describe, expect, it } from 'vitest';
import { portOf, storageKinds } from './storages.ts';

describe.each(storageKinds)('$name', ({ create }) => {
  describe('replicated log storage', () => {
    const open = () => {
      const rig = create();
      // Not spread: `port` is another one after a reopening.
      return Object.assign(portOf(rig, 'log'), { rewrite: rig.rewriteLogs.bind(rig) });
    };
    for (const { name, run } of replicatedLogStorageSuite(open)) it(name, run);
  });

  describe('applied state storage', () => {
    for (const { name, run } of appliedStateStorageSuite(() => portOf(create(), 'state'))) it(name, run);
  });

  describe('node records', () => {
    for (const { name, run } of nodeRecordsSuite(() => portOf(create(), 'records'))) it(name, run);
  });

  it('keeps the three apart', async () => {
    const rig = create();
    try {
      const value = Uint8Array.of(1);
      const key = Uint8Array.of(7);
      await rig.until((done) => rig.ports.records.write([{ name: 'identity', value }], done));
      const nothing = { hardState: undefined, compactedIndex: undefined, append: undefined };
      await rig.until((done) => rig.ports.log.commit([{ group: 1, ...nothing, records: [{ key, value }] }], done));
      expect(rig.ports.state.get(1, key)).toBeUndefined();
      expect(rig.ports.log.readLog(1)).toBeUndefined();
      await rig.until((done) =>
        rig.ports.state.commit([{ group: 1, records: [{ key, value: Uint8Array.of(2) }] }], done),
      );
      await rig.reopen();
      expect(rig.ports.log.readRecords(1)).toHaveLength(1);
      expect(rig.ports.records.read('identity')?.[0]).toBe(1);
      expect(rig.ports.state.get(1, key)?.[0]).toBe(2);
    } finally {
      await rig.close();
    }
  });
});
