import { parse } from 'node:querystring';
import type { Config } from '../../config.ts';
import { IMAGE_TYPES, maxTensorBytes } from '../body-parsers.ts';
import { OWN, type Protocol, protocolOf } from '../protocols/error-shapes.ts';
import { TIMEOUT_HEADER } from '../request-timeout.ts';
import type { RequestHead } from './plain-request.ts';

/** What the body is: JSON of the own API, an image file for it, or an inference of the Open Inference Protocol. */
export type PlainForm = 'json' | 'image' | 'inference';

/** What the head of a prediction says. */
export interface PlainPrediction {
  /** When its head was read. */
  readonly begun: number;
  readonly protocol: Protocol;
  readonly form: PlainForm;
  /** The route's pattern. */
  readonly route: string;
  /** As the path names them. */
  readonly model: string | null;
  readonly version: number | null;
  /** What stands behind the path, not checked; null where nothing does. */
  readonly query: PlainQuery | null;
  /** From its header. */
  readonly headerTimeoutMs: number | undefined;
}

export type PlainQuery = Readonly<NodeJS.Dict<string | string[]>>;

/** Nothing in it has to be decoded. */
const QUERY = /^[\w.&=-]*$/;

const OWN_PATH = /^\/(?:models\/([\w.-]{1,128})\/(?:versions\/([1-9]\d{0,8})\/)?)?predict$/;
const INFERENCE_PATH = /^\/v2\/models\/([\w.-]{1,128})(?:\/versions\/([1-9]\d{0,8}))?\/infer$/;
const JSON_TYPE = /^application\/json(?:; ?charset=utf-8)?$/i;
/** The own API's; a larger one goes the usual way. */
const MAX_JSON_BYTES = 16_384;
/** Of images and tensors. */
const MAX_BODY_BYTES = 4_194_304;

/** Null where the request is anything else, or asks for anything out of the ordinary: that goes the usual way. */
export function readPlainPrediction(head: RequestHead, config: Config): PlainPrediction | null {
  const { method, url = '', headers } = head;
  if (method !== 'POST' || headers['content-encoding'] !== undefined) return null;
  const queryAt = url.indexOf('?');
  const own = OWN_PATH.exec(queryAt < 0 ? url : url.slice(0, queryAt));
  const [path, model, version] = own ?? INFERENCE_PATH.exec(url) ?? [];
  if (path === undefined || (queryAt >= 0 && !QUERY.test(url.slice(queryAt + 1)))) return null;
  const form = own === null ? 'inference' : ownForm(String(headers['content-type']));
  if (form === null || !(Number(headers['content-length']) <= maxBytes(form, config))) return null;
  const given = headers[TIMEOUT_HEADER];
  const headerTimeoutMs = given === undefined ? undefined : Number(given);
  if (headerTimeoutMs !== undefined && !isTimeout(headerTimeoutMs, config)) return null;
  return {
    begun: performance.now(),
    protocol: own === null ? protocolOf(url) : OWN,
    form,
    route: routeOf(form, model, version),
    model: model ?? null,
    version: version === undefined ? null : Number(version),
    query: queryAt < 0 ? null : parse(url.slice(queryAt + 1)),
    headerTimeoutMs,
  };
}

function ownForm(type: string): PlainForm | null {
  if (JSON_TYPE.test(type)) return 'json';
  return IMAGE_TYPES.includes(type) ? 'image' : null;
}

function maxBytes(form: PlainForm, config: Config): number {
  switch (form) {
    case 'json':
      return Math.min(MAX_JSON_BYTES, config.maxTextBodyBytes);
    case 'image':
      return Math.min(MAX_BODY_BYTES, config.maxImageBodyBytes);
    case 'inference':
      return Math.min(MAX_BODY_BYTES, maxTensorBytes(config));
  }
}

function isTimeout(ms: number, { maxTimeoutMs }: Config): boolean {
  return Number.isInteger(ms) && ms >= 1 && ms <= maxTimeoutMs;
}

function routeOf(form: PlainForm, model: string | undefined, version: string | undefined): string {
  if (model === undefined) return '/predict';
  const target = version === undefined ? '/models/:model' : '/models/:model/versions/:version';
  return form === 'inference' ? `/v2${target}/infer` : `${target}/predict`;
}
