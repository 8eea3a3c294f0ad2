import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { AnsweredRequest } from '../../src/http/http-observer.ts';
import { RequestMetrics } from '../../src/observability/request-metrics.ts';

const GOOD: AnsweredRequest = {
  protocol: 'serval',
  method: 'POST',
  route: '/predict',
  statusCode: 200,
  seconds: 0.004,
  errorCode: null,
  served: { model: 'imagenet', version: 1, items: 1, encodeSeconds: 0.0002, imageBytes: 500 },
};
const REFUSED: AnsweredRequest = { ...GOOD, statusCode: 429, errorCode: 'SERVAL_OVERLOADED', served: null };

/** @returns the value of each series that these leave behind. */
async function seriesOf(...answered: readonly AnsweredRequest[]): Promise<Map<string, number>> {
  const registry = new Registry();
  new RequestMetrics([registry]).count(answered);
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

const requests = (status: number, model: string, version: string) =>
  `serval_requests_total{protocol="serval",method="POST",route="/predict",status="${status}",model="${model}",version="${version}"}`;

test('every request counts, whatever stands beside it', async () => {
  const series = await seriesOf(REFUSED, REFUSED, GOOD, REFUSED, GOOD, GOOD, {
    ...REFUSED,
    errorCode: 'SERVAL_DRAINING',
  });
  expect(series.get(requests(429, '', ''))).toBe(4);
  expect(series.get(requests(200, 'imagenet', '1'))).toBe(3);
  expect(series.get('serval_rejections_total{reason="SERVAL_OVERLOADED"}')).toBe(3);
  expect(series.get('serval_rejections_total{reason="SERVAL_DRAINING"}')).toBe(1);
});

test('what one took is its own, where others are like it', async () => {
  const slow = {
    ...GOOD,
    seconds: 2,
    served: { ...GOOD.served, encodeSeconds: 0.03, imageBytes: 70 },
  } as AnsweredRequest;
  const series = await seriesOf(GOOD, slow, GOOD);
  const labels = 'model="imagenet",version="1"';
  expect(series.get(`serval_request_duration_seconds_sum{protocol="serval",route="/predict",${labels}}`)).toBe(2.008);
  expect(series.get(`serval_encode_duration_seconds_count{${labels}}`)).toBe(3);
  expect(series.get(`serval_encode_duration_seconds_sum{${labels}}`)).toBeCloseTo(0.0304, 9);
  expect(series.get(`serval_image_bytes_total{${labels}}`)).toBe(1_070);
});

test('two versions, and two routes, are never taken for one', async () => {
  const other = { ...GOOD, served: { ...GOOD.served, version: 2 } } as AnsweredRequest;
  const series = await seriesOf(GOOD, other, { ...GOOD, route: '/models/:model/predict' }, GOOD);
  expect(series.get(requests(200, 'imagenet', '1'))).toBe(2);
  expect(series.get(requests(200, 'imagenet', '2'))).toBe(1);
});
