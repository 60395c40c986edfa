/**
 * What happened to groups, for the log: one line for all groups to which the same happened in one turn for the same reason,
 * rather than a line for each. A node that dies changes the leader of many groups at once.
 *
 * State: the lines of this turn, and who led each group before its present leader.
 */
import type { GroupId, LogFields, Logger, NodeId } from '@kvorum/common';
import { nodeName } from '@kvorum/common';
import { formatTerm } from '@kvorum/consensus';
import type { ReplicaEvent } from './replication/replication-protocol.ts';

type NewsKind = 'leading' | 'quorum-lost' | 'stepped-down' | 'snapshot-needed';

interface Item {
  readonly group: GroupId;
  /** What belongs to the group alone, such as the ballot. */
  readonly detail: string;
}

export interface GroupNewsHost {
  readonly self: NodeId;
  suspects(node: NodeId): boolean;
}

export class GroupNews {
  readonly #logger: Logger;
  readonly #host: GroupNewsHost;
  /** By kind and reason. */
  readonly #items = new Map<string, { readonly kind: NewsKind; readonly why: string; readonly items: Item[] }>();
  /** 0 for nobody. */
  readonly #formerLeaders = new Map<GroupId, NodeId>();

  constructor(logger: Logger, host: GroupNewsHost) {
    this.#logger = logger;
    this.#host = host;
  }

  /** Tells what people should know of; of `snapshot-needed`, once the snapshot is being fetched. */
  tell(group: GroupId, event: ReplicaEvent): void {
    switch (event.type) {
      case 'leading':
        this.#add(event.type, group, formatTerm(event.term), this.#whyLeading(group));
        return;
      case 'quorum-lost':
      case 'stepped-down':
        this.#add(event.type, group, formatTerm(event.term), '');
        return;
      case 'leader-changed':
        this.#formerLeaders.set(group, event.former.node);
        this.#logger.debug(`group ${group} follows ballot ${formatTerm(event.term)}`);
        return;
      case 'implausible': {
        const peer = nodeName(event.from);
        this.#logger.warn(
          `${peer} names ballot ${formatTerm(event.term)} in group ${group}, far above all that can be; it is ignored`,
          { event: 'peer.implausible', peer },
        );
        return;
      }
      case 'snapshot-needed':
        this.#add(event.type, group, '', nodeName(event.from));
        return;
      case 'applied':
      case 'heartbeat-changed':
      case 'bad-message':
        return;
    }
  }

  /** The group is not hosted any more. */
  forget(group: GroupId): void {
    this.#formerLeaders.delete(group);
  }

  /** Writes the lines of this turn. */
  flush(): void {
    if (this.#items.size === 0) return;
    for (const { kind, why, items } of this.#items.values()) this.#write(kind, why, items);
    this.#items.clear();
  }

  #whyLeading(group: GroupId): string {
    const former = this.#formerLeaders.get(group) ?? 0;
    if (former === 0) return 'it had no leader';
    if (former === this.#host.self) return 'elected again';
    const why = this.#host.suspects(former) ? 'does not answer' : 'lost its majority or has a lower ballot';
    return `${nodeName(former)}, which led it before, ${why}`;
  }

  /** `why` is what the groups have in common. */
  #add(kind: NewsKind, group: GroupId, detail: string, why: string): void {
    const name = `${kind} ${why}`;
    const known = this.#items.get(name);
    if (known === undefined) this.#items.set(name, { kind, why, items: [{ group, detail }] });
    else known.items.push({ group, detail });
  }

  #write(kind: NewsKind, why: string, items: readonly Item[]): void {
    const groups = `group${items.length > 1 ? 's' : ''} ${items.map(({ group }) => group).join(', ')}`;
    const details = items.map(({ detail }) => detail).join(', ');
    const ballots = `ballot${items.length > 1 ? 's' : ''} ${details}`;
    const fields: LogFields = { event: `group.${kind}` };
    switch (kind) {
      case 'leading':
        this.#logger.info(`leads ${groups} with ${ballots}: ${why}`);
        return;
      case 'quorum-lost':
        // Comes again and again where a link flaps.
        this.#logger.warn(`leads ${groups} with ${ballots}, but reaches no majority`, fields);
        return;
      case 'stepped-down':
        this.#logger.info(`no longer leads ${groups}: a higher ballot than ${details} was seen`, fields);
        return;
      case 'snapshot-needed':
        this.#logger.info(
          `fetches a snapshot of ${groups} from ${why}: the log no longer reaches back far enough`,
          fields,
        );
        return;
    }
  }
}
