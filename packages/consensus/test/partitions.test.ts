/**
 * The three partial partitions of Ng, Haridi and Carbone (EuroSys 2023), section 2: quorum loss, constrained election,
 * chained. Decisions resume within four heartbeat rounds, wherever leader and centre are; in the chained case the leader
 * changes at most once.
 */
import type { NodeId } from '@kvorum/common';
import { describe, expect, it } from 'vitest';
import { Cluster } from './cluster.ts';

const ROUNDS_MAX = 4;
const three = [1, 2, 3];
const five = [1, 2, 3, 4, 5];

/** The order in which the members end their rounds: at once, or one after the other with messages in between. */
const orders = {
  together: (cluster: Cluster): void => cluster.rounds(1),
  ascending: (cluster: Cluster): void => oneByOne(cluster, cluster.ids),
  descending: (cluster: Cluster): void => oneByOne(cluster, [...cluster.ids].reverse()),
};
type Order = keyof typeof orders;
const allOrders = Object.keys(orders) as Order[];

function oneByOne(cluster: Cluster, ids: readonly NodeId[]): void {
  for (const id of ids) {
    cluster.round([id]);
    cluster.deliverAll();
  }
}

/** A group that has been led by `leader` for a while and has decided something. */
function settled(ids: readonly NodeId[], leader: NodeId): Cluster {
  const cluster = new Cluster(ids);
  cluster.elect(leader);
  cluster.rounds(2);
  expect(cluster.leaders()).toEqual([leader]);
  cluster.propose(leader, 'before');
  cluster.deliverAll();
  cluster.events.length = 0;
  return cluster;
}

/** Rounds until a proposal to some leader is decided. */
function roundsToDecide(cluster: Cluster, order: Order): number {
  const before = cluster.chosen.length;
  for (let round = 1; round <= 12; round += 1) {
    orders[order](cluster);
    for (const id of cluster.leaders()) cluster.propose(id, `after${round}`);
    cluster.deliverAll();
    if (cluster.chosen.length > before) return round;
  }
  return Infinity;
}

function leaderChanges(cluster: Cluster): number {
  return cluster.events.filter((event) => event.endsWith(' leading')).length;
}

function star(ids: readonly NodeId[], center: NodeId): [NodeId, NodeId][] {
  return ids.filter((id) => id !== center).map((id) => [center, id]);
}

function pairs(ids: readonly NodeId[]): [NodeId, NodeId][] {
  return ids.flatMap((a) => ids.filter((b) => b !== a).map((b): [NodeId, NodeId] => [a, b]));
}

/** Heals, and checks that all come together. */
function expectHealing(cluster: Cluster): void {
  cluster.heal();
  cluster.rounds(6);
  expect(cluster.leaders()).toHaveLength(1);
  cluster.propose(cluster.leaders()[0] as NodeId, 'healed');
  cluster.deliverAll();
  cluster.rounds(1);
  const logs = cluster.ids.map((id) => cluster.log(id));
  expect(new Set(logs).size).toBe(1);
  expect(logs[0]).toMatch(/healed \|$/);
  cluster.checkAll();
}

describe('quorum loss: the leader loses its majority while one node still sees all', () => {
  for (const order of allOrders) {
    it(`five members, rounds ${order}: the centre takes over`, () => {
      for (const [leader, center] of pairs(five)) {
        const cluster = settled(five, leader);
        cluster.onlyLinks(...star(five, center));
        const rounds = roundsToDecide(cluster, order);
        expect(rounds, `leader ${leader}, centre ${center}`).toBeLessThanOrEqual(ROUNDS_MAX);
        expect(cluster.replica(center).leading).toBe(true);
        expectHealing(cluster);
      }
    });

    it(`three members, rounds ${order}: a leader that sees nobody is replaced`, () => {
      for (const leader of three) {
        const cluster = settled(three, leader);
        for (const id of three) if (id !== leader) cluster.cut(leader, id);
        expect(roundsToDecide(cluster, order), `leader ${leader}`).toBeLessThanOrEqual(ROUNDS_MAX);
        expectHealing(cluster);
      }
    });
  }

  it('a leader in the centre stays', () => {
    const cluster = settled(five, 3);
    cluster.onlyLinks(...star(five, 3));
    expect(roundsToDecide(cluster, 'together')).toBe(1);
    cluster.rounds(10);
    expect(leaderChanges(cluster)).toBe(0);
  });
});

describe('constrained election: the only quorum-connected node has an older log', () => {
  for (const order of allOrders) {
    it(`five members, rounds ${order}`, () => {
      for (const [leader, center] of pairs(five)) {
        const cluster = settled(five, leader);
        cluster.cut(leader, center);
        cluster.propose(leader, 'missed1', 'missed2');
        cluster.deliverAll();
        expect(cluster.replica(center).logLength).toBe(1);
        cluster.onlyLinks(...star(five, center).filter(([, id]) => id !== leader));
        const rounds = roundsToDecide(cluster, order);
        expect(rounds, `leader ${leader}, centre ${center}`).toBeLessThanOrEqual(ROUNDS_MAX);
        expect(cluster.log(center)).toMatch(/^before missed1 missed2 after/);
        expectHealing(cluster);
      }
    });

    it(`three members, rounds ${order}`, () => {
      for (const [leader, outdated] of pairs(three)) {
        const cluster = settled(three, leader);
        cluster.cut(leader, outdated);
        cluster.propose(leader, 'missed');
        cluster.deliverAll();
        for (const id of three) if (id !== leader) cluster.cut(leader, id);
        const rounds = roundsToDecide(cluster, order);
        expect(rounds, `leader ${leader}, outdated ${outdated}`).toBeLessThanOrEqual(ROUNDS_MAX);
        expectHealing(cluster);
      }
    });
  }
});

describe('chained: A-B-C without A-C', () => {
  for (const order of allOrders) {
    it(`three members, rounds ${order}: the leader changes at most once`, () => {
      for (const leader of three) {
        for (const middle of three) {
          const cluster = settled(three, leader);
          cluster.onlyLinks(...star(three, middle));
          expect(roundsToDecide(cluster, order), `leader ${leader}, middle ${middle}`).toBeLessThanOrEqual(ROUNDS_MAX);
          for (let i = 0; i < 20; i += 1) orders[order](cluster);
          expect(leaderChanges(cluster), `leader ${leader}, middle ${middle}`).toBeLessThanOrEqual(1);
          expectHealing(cluster);
        }
      }
    });

    it(`five members, one link lost, rounds ${order}: the leader changes at most once`, () => {
      for (const [leader, other] of pairs(five)) {
        const cluster = settled(five, leader);
        cluster.cut(leader, other);
        expect(roundsToDecide(cluster, order)).toBeLessThanOrEqual(ROUNDS_MAX);
        for (let i = 0; i < 20; i += 1) orders[order](cluster);
        expect(leaderChanges(cluster), `leader ${leader}, other ${other}`).toBeLessThanOrEqual(1);
        expectHealing(cluster);
      }
    });

    it(`five members in a line, rounds ${order}: decisions resume and the leader settles`, () => {
      for (const leader of five) {
        const cluster = settled(five, leader);
        cluster.onlyLinks([1, 2], [2, 3], [3, 4], [4, 5]);
        expect(roundsToDecide(cluster, order), `leader ${leader}`).toBeLessThanOrEqual(ROUNDS_MAX);
        for (let i = 0; i < 6; i += 1) orders[order](cluster);
        cluster.events.length = 0;
        for (let i = 0; i < 20; i += 1) orders[order](cluster);
        expect(leaderChanges(cluster), `leader ${leader}`).toBe(0);
        expectHealing(cluster);
      }
    });
  }

  it('a node that cannot see the leader does not disturb it while a neighbour is happy', () => {
    const cluster = settled(three, 3);
    cluster.onlyLinks([1, 2], [2, 3]);
    cluster.rounds(20);
    expect(leaderChanges(cluster)).toBe(0);
    expect(cluster.leaders()).toEqual([3]);
  });
});

describe('a crash', () => {
  it('of the leader: decisions resume within four rounds', () => {
    for (const ids of [three, five]) {
      for (const order of allOrders) {
        for (const leader of ids) {
          const cluster = settled(ids, leader);
          cluster.crash(leader);
          expect(roundsToDecide(cluster, order), `leader ${leader} of ${ids.length}`).toBeLessThanOrEqual(ROUNDS_MAX);
          cluster.restart(leader);
          expectHealing(cluster);
        }
      }
    }
  });

  it('of all: decisions resume within a bounded number of rounds', () => {
    for (const ids of [three, five]) {
      for (const order of allOrders) {
        const cluster = settled(ids, 3);
        for (const id of ids) cluster.restart(id);
        expect(roundsToDecide(cluster, order)).toBeLessThanOrEqual(ROUNDS_MAX + ids.length);
        expect(cluster.log(1)).toMatch(/^before after/);
        expectHealing(cluster);
      }
    }
  });
});
