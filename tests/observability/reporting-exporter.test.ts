import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { expect, test, vi } from 'vitest';
import { ReportingExporter } from '../../src/observability/reporting-exporter.ts';

const SENT: ExportResult = { code: ExportResultCode.SUCCESS };
const LOST: ExportResult = { code: ExportResultCode.FAILED, error: new Error('connect ECONNREFUSED') };

test('an outage is told when it begins and when it ends, with what it cost', () => {
  let result = SENT;
  const inner: SpanExporter = { export: (_, done) => done(result), shutdown: async () => {} };
  const log = { info: vi.fn(), warn: vi.fn() };
  const exporter = new ReportingExporter(inner, log);
  const send = (spans: number) => exporter.export(new Array<ReadableSpan>(spans), () => {});
  send(1);
  result = LOST;
  send(2);
  send(3);
  result = SENT;
  send(4);
  send(5);
  expect(log.warn.mock.calls).toEqual([[{ reason: 'connect ECONNREFUSED' }, 'traces cannot be sent, they are lost']]);
  expect(log.info.mock.calls).toEqual([[{ lost: 5 }, 'traces can be sent again']]);
});
