import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';

export interface TracingLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Tells once when spans can no longer be sent, and when they can again: the SDK itself would drop them in silence. */
export class ReportingExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #log: TracingLog;
  #lostSpans = 0;

  constructor(exporter: SpanExporter, log: TracingLog) {
    this.#exporter = exporter;
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, (result) => {
      this.#tell(spans.length, result);
      // What is lost is lost: as a failure it would only be told to the SDK's own log.
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  #tell(spans: number, { code, error }: ExportResult): void {
    if (code === ExportResultCode.SUCCESS) {
      if (this.#lostSpans > 0) this.#log.info({ lost: this.#lostSpans }, 'traces can be sent again');
      this.#lostSpans = 0;
      return;
    }
    if (this.#lostSpans === 0)
      this.#log.warn({ reason: error?.message ?? 'unknown' }, 'traces cannot be sent, they are lost');
    this.#lostSpans += spans;
  }
}
