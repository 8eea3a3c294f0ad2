import type { FastifyInstance } from 'fastify';
import type { RequestTracer } from './http-observer.ts';

/** Has each request followed from its headers on, and its handler run in its trace. */
export function installRequestTracing(app: FastifyInstance, tracer: RequestTracer): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { traceparent, tracestate } = request.headers;
    request.trace = tracer.begin({ traceparent: textOf(traceparent), tracestate: textOf(tracestate) });
    done();
  });
  // The last hook: what reads the body before it is called back by the socket, outside of any context.
  app.addHook('preHandler', (request, _reply, done) => {
    if (request.trace === null) done();
    else request.trace.run(done);
  });
}

/** Two of a header that may come once are none, as the recommendation has it. */
function textOf(header: string | string[] | undefined): string | null {
  return typeof header === 'string' ? header : null;
}
