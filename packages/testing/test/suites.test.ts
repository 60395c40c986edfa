/** The suites notice adapters that do not keep to their ports: what each of these does wrong fails a case by name. */
import type { LogWrite, NodeRecord, StateMutation } from '@kvorum/server/core';
import type { AcceptanceCase, MemoryLink } from '../src/index.ts';
import {
  appliedStateStorageSuite,
  ManualClock,
  clockSuite,
  MemoryLogStorage,
  MemoryNetwork,
  MemoryNodeRecords,
  MemoryStateStorage,
  nodeRecordsSuite,
  peerTransportSuite,
  randomSuite,
  replicatedLogStorageSuite,
} from '../src/index.ts';
import { describe, expect, it } from 'vitest';
import { opened, openedNetwork } from './opened.ts';

async function failures(cases: readonly AcceptanceCase[]): Promise<string[]> {
  const failed: string[] = [];
  for (const { name, run } of cases) {
    await run().catch(() => failed.push(name));
  }
  return failed;
}

/** What is written goes through `change` first. */
class ChangingLogStorage extends MemoryLogStorage {
  readonly #change: (writes: readonly LogWrite[]) => readonly LogWrite[];

  constructor(change: (writes: readonly LogWrite[]) => readonly LogWrite[]) {
    super();
    this.#change = change;
  }

  override commit(writes: readonly LogWrite[], done: () => void): void {
    super.commit(this.#change(writes), done);
  }
}

const each =
  (change: (write: LogWrite) => LogWrite) =>
  (writes: readonly LogWrite[]): readonly LogWrite[] =>
    writes.map(change);

describe('the replicated log suite notices a storage that', () => {
  it.each<[what: string, change: (writes: readonly LogWrite[]) => readonly LogWrite[], failed: RegExp]>([
    ['turns the writes of a commit round', (writes) => [...writes].reverse(), /second cuts the first/],
    ['loses the last write', (writes) => writes.slice(0, 1), /there when it is done, all of it/],
    [
      'clears an unnamed hard state',
      each((w) => ({ ...w, hardState: w.hardState ?? new Uint8Array() })),
      /hard state stays/,
    ],
    ['begins an unnamed log anew', each((w) => ({ ...w, compactedIndex: w.compactedIndex ?? 0 })), /what is compacted/],
    ['does not compact', each((w) => ({ ...w, compactedIndex: undefined })), /what is compacted is forgotten/],
    ['keeps no records', each((w) => ({ ...w, records: [] })), /records are set, replaced and removed/],
    [
      'removes no record',
      each((w) => ({ ...w, records: w.records?.filter(({ value }) => value !== undefined) ?? [] })),
      /records are set, replaced and removed/,
    ],
    [
      'takes every entry for a command',
      each((w) => ({
        ...w,
        append: w.append && {
          ...w.append,
          entries: w.append.entries.map(({ payload }) => ({ kind: 'command' as const, payload })),
        },
      })),
      /stop-signs/,
    ],
    ['mixes groups up', each((w) => ({ ...w, group: w.group % 256 })), /groups are kept apart/],
  ])('%s', async (_what, change, failed) => {
    const found = await failures(replicatedLogStorageSuite(() => opened(new ChangingLogStorage(change))));
    expect(found.some((name) => failed.test(name))).toBe(true);
  });

  it('writes at once', async () => {
    const open = () => {
      const port = new MemoryLogStorage();
      port.commits.immediate = true;
      return opened(port);
    };
    expect(await failures(replicatedLogStorageSuite(open))).toContain(
      'nothing is seen of a commit that was only asked for',
    );
  });

  it('forgets everything when it is opened again', async () => {
    const open = () => {
      const rig = opened(new MemoryLogStorage());
      const fresh = {
        ...rig,
        reopen: () => Promise.resolve(void Object.assign(fresh, opened(new MemoryLogStorage()))),
      };
      return fresh;
    };
    const found = await failures(replicatedLogStorageSuite(open));
    expect(found).toContain('a commit is there when it is done, all of it, over a reopening too');
  });

  it('does not look at checksums', async () => {
    const open = () => ({ ...opened(new MemoryLogStorage()), rewrite: () => Promise.resolve() });
    expect(await failures(replicatedLogStorageSuite(open))).toEqual([
      'damage is noticed, never served',
      'a record of a newer format is refused, with both formats named',
    ]);
  });
});

describe('the applied state suite notices a storage that', () => {
  class Changing extends MemoryStateStorage {
    override commit(mutations: readonly StateMutation[], done: () => void): void {
      super.commit(mutations.slice(0, 1), done);
    }
  }

  it('loses a part of a commit', async () => {
    const found = await failures(appliedStateStorageSuite(() => opened(new Changing())));
    expect(found).toContain('commits are seen as a whole, over all groups, and not before they are done');
  });

  it('mixes a new state with the old one', async () => {
    class Mixing extends MemoryStateStorage {
      override install(group: number) {
        const install = super.install(group);
        const old = this.dump(group);
        return {
          ...install,
          add: (records: Parameters<typeof install.add>[0], done: () => void) =>
            install.add([...old, ...records], done),
        };
      }
    }
    const found = await failures(appliedStateStorageSuite(() => opened(new Mixing())));
    expect(found).toContain('an install replaces a state as a whole; the old one is in force until it is done');
  });

  it('shows a view what came later', async () => {
    class Live extends MemoryStateStorage {
      override snapshot(group: number) {
        let from = 0;
        return {
          next: () => {
            const part = this.dump(group).slice(from, from + 1);
            from += part.length;
            return part;
          },
          close: () => undefined,
        };
      }
    }
    const found = await failures(appliedStateStorageSuite(() => opened(new Live())));
    expect(found).toContain('a snapshot is of one moment while commits go on');
  });
});

it('the node records suite notices a store that writes only the first of them', async () => {
  class First extends MemoryNodeRecords {
    override write(records: readonly NodeRecord[], done: () => void): void {
      super.write(records.slice(0, 1), done);
    }
  }
  const found = await failures(nodeRecordsSuite(() => opened(new First())));
  expect(found).toContain('what is written together is there together, and not before');
});

describe('the peer transport suite notices a transport that', () => {
  const bothWays = 'gives a link up that is silent, and makes another one in time';
  const toHigher = 'gives a link up that is silent to the higher id, and makes another one in time';
  const toLower = 'gives a link up that is silent to the lower id, and makes another one in time';
  const kept = 'keeps a link over which something comes';
  const backlog = 'keeps a bounded backlog for a peer that does not read, counts the rest, and goes on once it reads';
  const everySilence = [bothWays, toHigher, toLower];

  type Rules = Partial<{
    isGivenUp(this: Wrong, link: MemoryLink, silenceMsMax: number): boolean;
    renew(this: Wrong, link: MemoryLink): void;
    isFull(this: Wrong, link: MemoryLink, backlogBytesMax: number): boolean;
  }>;

  /** One that follows other rules. */
  class Wrong extends MemoryNetwork {
    readonly rules: Rules;

    constructor(rules: Rules, ...settings: ConstructorParameters<typeof MemoryNetwork>) {
      super(...settings);
      this.rules = rules;
    }

    right = {
      isGivenUp: (link: MemoryLink, silenceMsMax: number) => super.isGivenUp(link, silenceMsMax),
      isFull: (link: MemoryLink, backlogBytesMax: number) => super.isFull(link, backlogBytesMax),
    };

    protected override isGivenUp(link: MemoryLink, silenceMsMax: number): boolean {
      return (this.rules.isGivenUp ?? this.right.isGivenUp).call(this, link, silenceMsMax);
    }

    protected override renew(link: MemoryLink): void {
      if (this.rules.renew === undefined) super.renew(link);
      else this.rules.renew.call(this, link);
    }

    protected override isFull(link: MemoryLink, backlogBytesMax: number): boolean {
      return (this.rules.isFull ?? this.right.isFull).call(this, link, backlogBytesMax);
    }
  }

  it.each<[what: string, rules: Rules, failed: readonly string[]]>([
    ['never gives a link up', { isGivenUp: () => false }, everySilence],
    [
      'waits a thousand times as long',
      {
        isGivenUp(link, silenceMsMax) {
          return this.right.isGivenUp(link, 1000 * silenceMsMax);
        },
      },
      everySilence,
    ],
    [
      'waits four times as long',
      {
        isGivenUp(link, silenceMsMax) {
          return this.right.isGivenUp(link, 4 * silenceMsMax);
        },
      },
      everySilence,
    ],
    [
      'gives links up at once',
      {
        isGivenUp(link) {
          return this.right.isGivenUp(link, 20);
        },
      },
      everySilence,
    ],
    [
      'takes what is sent for what is heard',
      {
        isGivenUp(link, silenceMsMax) {
          return this.nowMs - link.sentMs > silenceMsMax;
        },
      },
      everySilence,
    ],
    [
      'takes the time since it began for the time since a frame came',
      {
        isGivenUp(_, silenceMsMax) {
          return this.nowMs > silenceMsMax;
        },
      },
      [kept],
    ],
    [
      'measures silence by the time since 1970',
      {
        isGivenUp(link, silenceMsMax) {
          return Date.UTC(2026) - link.heardMs > silenceMsMax;
        },
      },
      [kept],
    ],
    [
      'gives links up at the lower id only',
      {
        isGivenUp(link, silenceMsMax) {
          return link.to < link.from && this.right.isGivenUp(link, silenceMsMax);
        },
      },
      [toHigher],
    ],
    [
      'gives links up at the higher id only',
      {
        isGivenUp(link, silenceMsMax) {
          return link.to > link.from && this.right.isGivenUp(link, silenceMsMax);
        },
      },
      [toLower],
    ],
    ['makes no other link', { renew: () => undefined }, everySilence],
    ['drops nothing', { isFull: () => false }, [backlog]],
    [
      'counts frames that it keeps all the same',
      {
        isFull(link, backlogBytesMax) {
          if (this.right.isFull(link, backlogBytesMax)) link.dropped += 1;
          return false;
        },
      },
      [backlog],
    ],
    [
      'drops without counting',
      {
        isFull(link, backlogBytesMax) {
          const isFull = this.right.isFull(link, backlogBytesMax);
          if (isFull) link.dropped -= 1;
          return isFull;
        },
      },
      [backlog],
    ],
    [
      'limits frames in place of bytes',
      { isFull: (link, backlogBytesMax) => link.backlogBytes / 262_144 > backlogBytesMax },
      [backlog],
    ],
    ['keeps nothing', { isFull: (link) => link.backlogBytes > 0 }, [backlog]],
    [
      'takes nothing any more once it has dropped',
      {
        isFull(link, backlogBytesMax) {
          return link.dropped > 0 || this.right.isFull(link, backlogBytesMax);
        },
      },
      [backlog],
    ],
  ])('%s', async (_what, rules, failed) => {
    const open = () => openedNetwork((settings) => new Wrong(rules, settings));
    expect(await failures(peerTransportSuite(open))).toEqual(expect.arrayContaining([...failed]));
  });
});

it('the clock suite notices a clock that defers nothing', async () => {
  class Hasty extends ManualClock {
    override defer(callback: () => void): void {
      callback();
    }
  }
  const open = () => {
    const port = new Hasty();
    const until = (start: (done: () => void) => void): Promise<void> => {
      start(() => undefined);
      return Promise.resolve(port.advance(100));
    };
    return { port, until, close: () => Promise.resolve() };
  };
  expect(await failures(clockSuite(open))).toEqual(['defers to the end of the turn: what else is due comes first']);
});

it('the random suite notices a counter', async () => {
  let last = 0;
  const found = await failures(randomSuite(() => ({ nextUint32: () => (last += 1) })));
  expect(found).toEqual(['sets every bit about half of the time']);
});
