import type { Config } from '../../config.ts';
import { TIMEOUT_HEADER } from '../request-timeout.ts';
import type { RequestHead } from './plain-request.ts';

/** What the head of a prediction of the own API says. */
export interface PlainPrediction {
  /** When its head was read. */
  readonly begun: number;
  /** The route's pattern. */
  readonly route: string;
  /** As the path names them. */
  readonly model: string | null;
  readonly version: number | null;
  /** From its header. */
  readonly headerTimeoutMs: number | undefined;
}

const PATH = /^\/(?:models\/([\w.-]{1,128})\/(?:versions\/([1-9]\d{0,8})\/)?)?predict$/;
const JSON_TYPE = /^application\/json(?:; ?charset=utf-8)?$/i;
/** Bodies that come in one piece with their heads; a larger one goes the usual way. */
const MAX_BODY_BYTES = 16_384;

/** Null where the request is anything else, or asks for anything out of the ordinary: that goes the usual way. */
export function readPlainPrediction(
  { method, url = '', headers }: RequestHead,
  config: Config,
): PlainPrediction | null {
  const { 'content-type': type, 'content-length': length, 'content-encoding': encoding } = headers;
  if (method !== 'POST' || typeof type !== 'string' || !JSON_TYPE.test(type) || encoding !== undefined) return null;
  if (!(Number(length) <= Math.min(MAX_BODY_BYTES, config.maxTextBodyBytes))) return null;
  const [path, model, version] = PATH.exec(url) ?? [];
  const given = headers[TIMEOUT_HEADER];
  const headerTimeoutMs = given === undefined ? undefined : Number(given);
  if (path === undefined || (headerTimeoutMs !== undefined && !isTimeout(headerTimeoutMs, config))) return null;
  return {
    begun: performance.now(),
    route: routeOf(model, version),
    model: model ?? null,
    version: version === undefined ? null : Number(version),
    headerTimeoutMs,
  };
}

function isTimeout(ms: number, { maxTimeoutMs }: Config): boolean {
  return Number.isInteger(ms) && ms >= 1 && ms <= maxTimeoutMs;
}

function routeOf(model: string | undefined, version: string | undefined): string {
  if (model === undefined) return '/predict';
  return version === undefined ? '/models/:model/predict' : '/models/:model/versions/:version/predict';
}
