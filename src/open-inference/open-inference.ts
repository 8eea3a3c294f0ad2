import type { Inference } from './inference.ts';
import type { ServedModels } from './served-models.ts';
import type { InferenceStatistics } from './statistics.ts';

/** Names of the extensions that are there, as Triton calls them. */
export const EXTENSIONS = ['classification', 'binary_tensor_data', 'statistics', 'model_repository'] as const;

/** The protocol without a transport. */
export interface OpenInference {
  readonly models: ServedModels;
  readonly inference: Inference;
  readonly statistics: InferenceStatistics;
}
