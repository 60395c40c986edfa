/**
 * Relays the TCP connections to a node, and makes trouble on the way: one direction of them carries nothing any more, or
 * waits.
 */
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { Address, NodeId } from '@kvorum/common';

/** One direction of a connection. */
class Direction {
  readonly #from: Socket;
  #held = false;
  #full = false;
  #silent = false;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    from.on('data', (chunk) => {
      if (this.#silent || to.write(chunk)) return;
      this.#full = true;
      this.#flow();
    });
    to.on('drain', () => {
      this.#full = false;
      this.#flow();
    });
    // Of a silent one, nobody is told.
    from.on('close', () => {
      if (!this.#silent) to.destroy();
    });
  }

  silence(): void {
    this.#silent = true;
  }

  hold(held: boolean): void {
    this.#held = held;
    this.#flow();
  }

  #flow(): void {
    if (this.#held || this.#full) this.#from.pause();
    else this.#from.resume();
  }
}

interface Relayed {
  /** Who dialled; undefined before its handshake. */
  from: NodeId | undefined;
  /** To the node, and from it. */
  readonly forward: Direction;
  readonly back: Direction;
}

export class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #connections: Relayed[] = [];

  private constructor(target: Address) {
    this.#server = createServer((dialler) => {
      const node = connect(target.port, target.host);
      for (const socket of [dialler, node]) {
        socket.setNoDelay();
        socket.on('error', () => undefined);
        this.#sockets.add(socket);
      }
      const connection: Relayed = {
        from: undefined,
        forward: new Direction(dialler, node),
        back: new Direction(node, dialler),
      };
      dialler.once('data', (handshake) => {
        connection.from = Number(/^x-kvorum-node: (\d+)/im.exec(handshake.toString('latin1'))?.[1]);
      });
      this.#connections.push(connection);
    });
  }

  static async start(target: Address): Promise<Relay> {
    const relay = new Relay(target);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get address(): Address {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  /** What this node has dialled carries nothing from it any more. */
  silenceFrom(node: NodeId): void {
    for (const { from, forward } of this.#connections) if (from === node) forward.silence();
  }

  /** What this node has dialled carries nothing to it any more. */
  silenceTo(node: NodeId): void {
    for (const { from, back } of this.#connections) if (from === node) back.silence();
  }

  /** Nothing is taken in for the node. */
  holdForward(held: boolean): void {
    for (const { forward } of this.#connections) forward.hold(held);
  }

  /** Nothing is taken in for the node that has dialled. */
  holdBackTo(node: NodeId, held: boolean): void {
    for (const { from, back } of this.#connections) if (from === node) back.hold(held);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
