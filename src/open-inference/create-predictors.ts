import type { Config } from '../config.ts';
import type { InferenceObserver } from '../pipelines/inference-observer.ts';
import type { PipelineCatalog } from '../pipelines/pipeline-catalog.ts';
import { Predictor } from '../pipelines/predictor.ts';
import { TensorPredictor } from '../pipelines/tensor-predictor.ts';
import type { ModelRepository } from '../repository/model-repository.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import { Inference } from './inference.ts';
import type { OpenInference } from './open-inference.ts';
import { ServedModels } from './served-models.ts';
import type { InferenceStatistics } from './statistics.ts';

export interface PredictorParts {
  readonly config: Config;
  readonly repository: ModelRepository;
  readonly catalog: PipelineCatalog;
  readonly scheduler: Scheduler;
  readonly statistics: InferenceStatistics;
  /** Hears of every inference; tells the statistics as well. */
  readonly observer: InferenceObserver;
}

export interface Predictors {
  readonly predictor: Predictor;
  readonly tensorPredictor: TensorPredictor;
  readonly openInference: OpenInference;
}

/** The ways to a model that all protocols share. */
export function createPredictors(parts: PredictorParts): Predictors {
  const { config, repository, catalog, scheduler, statistics, observer } = parts;
  const predictor = new Predictor({ repository, catalog, scheduler, observer });
  const tensorPredictor = new TensorPredictor({ repository, scheduler, observer });
  const models = new ServedModels(repository);
  const inference = new Inference({ config, models, predictor, tensorPredictor });
  return { predictor, tensorPredictor, openInference: { models, inference, statistics } };
}
