import type { z } from 'zod';
import type { PredictAnswer } from '../../pipelines/predictor.ts';
import type { answerSchema } from './predict-schemas.ts';

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

function usageOf({ manifest, predictions, tokens, truncated, shared, cached }: PredictAnswer) {
  const isText = manifest.task === 'text-classification';
  return {
    items: predictions.length,
    ...(isText ? { tokens } : {}),
    ...(shared > 0 ? { shared } : {}),
    ...(cached > 0 ? { cached } : {}),
    ...(isText ? { truncated } : {}),
  };
}
