/**
 * Connections whose other end is played by the test.
 */
import type { Address, Connection, ConnectionHandlers, Dialer } from '@kvorum/common';

export class FakeConnection implements Connection {
  readonly remote = 'a test';
  readonly sent: Uint8Array[] = [];
  backlog = 0;
  closedWith: string | undefined;

  send(frame: Uint8Array): void {
    this.sent.push(frame);
  }

  backlogBytes(): number {
    return this.backlog;
  }

  close(reason: string): void {
    this.closedWith ??= reason;
  }
}

/** Keeps every call; the test plays the other end. */
export class FakeDialer implements Dialer {
  readonly calls: { address: Address; handlers: ConnectionHandlers; connection: FakeConnection }[] = [];

  dial(address: Address, handlers: ConnectionHandlers): Connection {
    const connection = new FakeConnection();
    this.calls.push({ address, handlers, connection });
    return connection;
  }

  get last(): { address: Address; handlers: ConnectionHandlers; connection: FakeConnection } {
    const call = this.calls.at(-1);
    if (call === undefined) throw new Error('nobody was called');
    return call;
  }
}
