/**
 * What every NodeRecords must do.
 */
import assert from 'node:assert/strict';
import { decodeUtf8, encodeUtf8 } from '@kvorum/common';
import type { NodeRecords } from '@kvorum/server/core';
import type { AcceptanceCase, Open, OpenedStorage } from './acceptance-case.ts';
import { casesOf } from './acceptance-case.ts';

export type OpenedNodeRecords = OpenedStorage<NodeRecords>;

/** "a=1 b=2". */
const recordsOf = (list: string): { readonly name: string; readonly value: Uint8Array }[] =>
  list.split(' ').map((part) => {
    const [name = '', value = ''] = part.split('=');
    return { name, value: encodeUtf8(value) };
  });

export function nodeRecordsSuite(open: Open<OpenedNodeRecords>): AcceptanceCase[] {
  const { cases, add } = casesOf(open);
  const write = (rig: OpenedNodeRecords, list: string): Promise<void> =>
    rig.until((done) => rig.port.write(recordsOf(list), done));
  const read = (rig: OpenedNodeRecords, name: string): string | undefined => {
    const value = rig.port.read(name);
    return value && decodeUtf8(value);
  };

  add('there are none at first', (rig) => {
    assert.equal(rig.port.read('identity'), undefined);
  });

  add('the last one of each name is kept, over a reopening too', async (rig) => {
    await write(rig, 'identity=one layout=l');
    await write(rig, 'identity=two');
    for (let times = 0; times < 2; times += 1) {
      assert.deepEqual([read(rig, 'identity'), read(rig, 'layout'), read(rig, 'ident')], ['two', 'l', undefined]);
      await rig.reopen();
    }
  });

  add('what is written together is there together, and not before', async (rig) => {
    await write(rig, 'a=1 b=1');
    let seen: unknown;
    await rig.until((done) => {
      rig.port.write(recordsOf('a=2 b=2 c=2'), done);
      seen = ['a', 'b', 'c'].map((name) => read(rig, name));
    });
    assert.deepEqual(seen, ['1', '1', undefined]);
    await rig.reopen();
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => read(rig, name)),
      ['2', '2', '2'],
    );
  });

  add('writes are done in the order they were asked for, an empty one included', async (rig) => {
    const order: string[] = [];
    await rig.until((done) => {
      rig.port.write(recordsOf('a=1'), () => order.push('first'));
      rig.port.write([], () => order.push('empty'));
      rig.port.write(recordsOf('a=2'), () => {
        order.push('last');
        done();
      });
    });
    assert.deepEqual([order, read(rig, 'a')], [['first', 'empty', 'last'], '2']);
  });

  add('values of any bytes are kept', async (rig) => {
    const value = Uint8Array.from({ length: 256 }, (_, i) => i);
    await rig.until((done) =>
      rig.port.write(
        [
          { name: 'all', value },
          { name: 'none', value: new Uint8Array() },
        ],
        done,
      ),
    );
    await rig.reopen();
    assert.equal(Buffer.compare(rig.port.read('all') ?? new Uint8Array(), value), 0);
    assert.equal(rig.port.read('none')?.length, 0);
  });
  return cases;
}
