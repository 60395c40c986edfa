/**
 * How the node is, for those who start and stop it and send it traffic. Three questions with three answers:
 * /livez: would starting it again help? It says nothing of other nodes, since that never helps against a lost majority.
 * /readyz: should it be sent requests? A group without a leader does not make it unready: it says so better than a closed port.
 * /healthz: has every group of this node a leader?
 */

export interface Check {
  readonly name: string;
  /** What is wrong; undefined: nothing. */
  readonly trouble: string | undefined;
}

export interface ProbeAnswer {
  readonly status: 200 | 503;
  readonly body: Record<string, unknown>;
}

/** Longer than any turn takes; less than the patience of those who kill what stands still. */
const TURN_MS_MAX = 5000;

export interface Liveness {
  /** Since the event loop last turned. */
  readonly sinceTurnMs: number;
  readonly storageFailure: string | undefined;
}

export function livenessChecks({ sinceTurnMs, storageFailure }: Liveness): readonly Check[] {
  const stands = `the event loop has not turned for ${(sinceTurnMs / 1000).toFixed(1)} s`;
  return [
    { name: 'loop', trouble: sinceTurnMs > TURN_MS_MAX ? stands : undefined },
    { name: 'storage', trouble: storageFailure && `storage has failed: ${storageFailure}` },
  ];
}

export interface Readiness {
  /** Undefined until the data on disk has been read. */
  readonly state: 'forming' | 'spare' | 'member' | undefined;
  readonly stopping: boolean;
}

export function readinessChecks({ state, stopping }: Readiness): readonly Check[] {
  return [
    { name: 'log', trouble: state === undefined ? 'the log has not been read yet' : undefined },
    { name: 'member', trouble: troubleOfState(state) },
    { name: 'serving', trouble: stopping ? 'the server is shutting down' : undefined },
  ];
}

function troubleOfState(state: Readiness['state']): string | undefined {
  switch (state) {
    case undefined:
      return 'the server is just starting';
    case 'forming':
      return 'the cluster is not complete yet';
    case 'spare':
      return 'the cluster is complete without this node, which waits as a spare';
    case 'member':
      return undefined;
  }
}

export interface GroupLeader {
  readonly group: number;
  /** 0: none is known. */
  readonly leader: number;
}

export function healthChecks(healthy: boolean, groups: readonly GroupLeader[]): readonly Check[] {
  const leaderless = groups.filter(({ leader }) => leader === 0).map(({ group }) => group);
  const named = `no leader in group${leaderless.length === 1 ? '' : 's'} ${leaderless.join(', ')}`;
  const trouble = leaderless.length === 0 ? 'the node is no member of a cluster yet' : named;
  return [{ name: 'leaders', trouble: healthy ? undefined : trouble }];
}

/** `name` is what a node for which all is well is called: live, ready, healthy. */
export function answerProbe(name: string, checks: readonly Check[], verbose: boolean): ProbeAnswer {
  const troubles = checks.flatMap(({ trouble }) => trouble ?? []);
  const well = troubles.length === 0;
  const body = {
    [name]: well,
    ...(well ? {} : { reason: troubles.join('; ') }),
    ...(verbose
      ? {
          checks: checks.map((check) => ({ name: check.name, ok: check.trouble === undefined, reason: check.trouble })),
        }
      : {}),
  };
  return { status: well ? 200 : 503, body };
}
