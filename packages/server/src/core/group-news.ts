/**
 * What happened to groups in one turn, for the log: one line for all groups to which the same happened for the same reason,
 * rather than a line for each. A node that dies changes the leader of many groups at once.
 */
import type { GroupId, LogFields, Logger } from '@kvorum/common';

export type GroupNewsKind = 'leads' | 'quorum-lost' | 'stepped-down' | 'fetches';

interface Item {
  readonly group: GroupId;
  /** What belongs to the group alone, such as the ballot. */
  readonly detail: string;
}

export class GroupNews {
  readonly #logger: Logger;
  /** By kind and reason. */
  readonly #items = new Map<string, { readonly kind: GroupNewsKind; readonly why: string; readonly items: Item[] }>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `why` is what the groups have in common. */
  add(kind: GroupNewsKind, group: GroupId, detail: string, why: string): void {
    const name = `${kind} ${why}`;
    const known = this.#items.get(name);
    if (known === undefined) this.#items.set(name, { kind, why, items: [{ group, detail }] });
    else known.items.push({ group, detail });
  }

  /** Writes the lines of this turn. */
  flush(): void {
    if (this.#items.size === 0) return;
    for (const { kind, why, items } of this.#items.values()) this.#write(kind, why, items);
    this.#items.clear();
  }

  #write(kind: GroupNewsKind, why: string, items: readonly Item[]): void {
    const groups = `group${items.length > 1 ? 's' : ''} ${items.map(({ group }) => group).join(', ')}`;
    const details = items.map(({ detail }) => detail).join(', ');
    const ballots = `ballot${items.length > 1 ? 's' : ''} ${details}`;
    const fields: LogFields = { event: `group.${kind}` };
    switch (kind) {
      case 'leads':
        this.#logger.info(`leads ${groups} with ${ballots}: ${why}`);
        return;
      case 'quorum-lost':
        // Comes again and again where a link flaps.
        this.#logger.warn(`leads ${groups} with ${ballots}, but reaches no majority`, fields);
        return;
      case 'stepped-down':
        this.#logger.info(`no longer leads ${groups}: a higher ballot than ${details} was seen`, fields);
        return;
      case 'fetches':
        this.#logger.info(
          `fetches a snapshot of ${groups} from ${why}: the log no longer reaches back far enough`,
          fields,
        );
        return;
    }
  }
}
