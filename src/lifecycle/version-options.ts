import { batchBoundsOn, type Config } from '../config.ts';
import type { Manifest, Task } from '../repository/manifest.ts';
import { type CostCoefficients, IMAGE_PRIOR, TENSOR_PRIOR, TEXT_PRIOR } from '../scheduler/cost-model.ts';
import type { VersionOptions } from '../scheduler/scheduler-options.ts';
import type { Passed } from './version-verifier.ts';

const PRIORS: Readonly<Record<Task, CostCoefficients>> = {
  'text-classification': TEXT_PRIOR,
  'image-classification': IMAGE_PRIOR,
  tensor: TENSOR_PRIOR,
};

/** How a version that passed its gates is batched. */
export function versionOptions(
  { task }: Manifest,
  { verification, provider }: Pick<Passed, 'verification' | 'provider'>,
  config: Config,
): VersionOptions {
  const bounds = batchBoundsOn(provider, config);
  return {
    batching: !['unsafe', 'off'].includes(verification.batching),
    bounds,
    ...(task === 'image-classification' ? { maxItems: bounds.maxBatchImages } : {}),
    prior: PRIORS[task],
  };
}
