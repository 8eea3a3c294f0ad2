import type { z } from 'zod';
import type { PredictAnswer } from '../../pipelines/predictor.ts';
import type { answerSchema } from './predict-schemas.ts';

type Usage = z.output<typeof answerSchema>['usage'];

/** The body of a prediction's answer, its fields in the document's order. */
export function predictResponse(id: string, answered: PredictAnswer): z.output<typeof answerSchema> {
  const { manifest, predictions } = answered;
  return {
    id,
    model: manifest.model,
    version: manifest.version,
    predictions: predictions.map(({ label, score, scores }) => ({ label, score, scores: [...scores] })),
    usage: usageOf(answered),
  };
}

function usageOf({ manifest, predictions, tokens, truncated, shared, cached }: PredictAnswer): Usage {
  const isText = manifest.task === 'text-classification';
  const usage: Usage = { items: predictions.length };
  if (isText) usage.tokens = tokens;
  if (shared > 0) usage.shared = shared;
  if (cached > 0) usage.cached = cached;
  if (isText) usage.truncated = truncated;
  return usage;
}
