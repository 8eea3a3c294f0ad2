import { ServalError } from './errors.ts';

/**
 * Where the server stands: it answers /health/live in all of them. `leaving`: it serves as ever, but is not ready, so that
 * load balancers send no more.
 */
export type ServerPhase = 'starting' | 'ready' | 'leaving' | 'draining';

/** Whether it takes new work. */
export function isServing(phase: ServerPhase): boolean {
  return phase === 'ready' || phase === 'leaving';
}

/**
 * Before it has read the models folder, a server would tell load balancers for good that there is no such model.
 * @throws ServalError SERVAL_STARTING, SERVAL_DRAINING
 */
export function refuseUnlessServing(phase: ServerPhase): void {
  if (phase === 'starting') {
    throw new ServalError(
      'SERVAL_STARTING',
      'The server still loads its models; send the request to another, or later.',
    );
  }
  if (phase === 'draining') {
    throw new ServalError('SERVAL_DRAINING', 'The server is shutting down; send the request to another.');
  }
}
