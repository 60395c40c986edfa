/**
 * Counts the requests of clients and times them from the gateway to the reply. Not found and mismatch are answers; refused and
 * unknown are different things.
 */
import type { Counter, GroupReply, GroupRequest, Histogram, Metrics } from '@kvorum/common';
import { requestOperations, requestOutcomes } from '@kvorum/common';

type Operation = (typeof requestOperations)[number];
type RequestOutcome = (typeof requestOutcomes)[number];

interface Handles {
  readonly count: Counter;
  readonly duration: Histogram;
}

export class RequestMetrics {
  readonly #handles = new Map<Operation, Map<RequestOutcome, Handles>>();

  constructor(metrics: Metrics) {
    for (const operation of requestOperations) {
      const ofOperation = new Map<RequestOutcome, Handles>();
      for (const outcome of requestOutcomes) {
        const labels = { operation, outcome };
        ofOperation.set(outcome, {
          count: metrics.counter('requests_total', labels),
          duration: metrics.histogram('request_duration_seconds', { operation }),
        });
      }
      this.#handles.set(operation, ofOperation);
    }
  }

  note(request: GroupRequest, reply: GroupReply, tookMs: number): void {
    const handles = this.#handles.get(operationOf(request))?.get(outcomeOf(reply));
    handles?.count.add(1);
    handles?.duration.observe(tookMs / 1000);
  }
}

function operationOf(request: GroupRequest): Operation {
  switch (request.type) {
    case 'open-session':
      return 'open-session';
    case 'execute':
      return request.command.type;
    case 'read':
      return request.query.type;
  }
}

function outcomeOf(reply: GroupReply): RequestOutcome {
  switch (reply.type) {
    case 'session':
      return 'ok';
    case 'value':
      return reply.found === undefined ? 'not_found' : 'ok';
    case 'result':
      if (reply.result.type === 'mismatch') return 'mismatch';
      return reply.result.type === 'deleted' && !reply.result.existed ? 'not_found' : 'ok';
    case 'refused':
      if (reply.code === 'busy') return 'busy';
      return reply.code === 'outcome-unknown' ? 'unknown' : 'refused';
  }
}
