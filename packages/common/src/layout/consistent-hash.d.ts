/** The part of consistent-hash 1.2.2 that Kvorum uses; the package ships no types. */
declare module 'consistent-hash' {
  interface Options {
    /** Ring size: control points are integers below it. */
    range?: number;
    weight?: number;
    distribution?: 'random' | 'uniform';
  }
  export default class ConsistentHash {
    constructor(options?: Options);
    /** `points` fixes the node's places on the ring; without it they come from Math.random. */
    add(node: string, weight?: number, points?: number[]): this;
    remove(node: string): this;
    /** The `count` distinct nodes that follow the name's place, nearest first. */
    get(name: string, count: number): string[];
    get(name: string): string | null;
    getNodes(): string[];
  }
}
