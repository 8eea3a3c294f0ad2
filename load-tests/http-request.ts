/** A request of a load test, before it is bytes for one of the generators. */
export interface HttpRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export function jsonRequest(path: string, body: unknown): HttpRequest {
  return { path, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) };
}

export interface Connection {
  readonly host: string;
  readonly port: number;
  /** Whether the connection ends with this request. */
  readonly closes: boolean;
}

export function toBytes({ path, headers, body }: HttpRequest, { host, port, closes }: Connection): Buffer {
  const lines = [
    `POST ${path} HTTP/1.1`,
    `host: ${host}:${port}`,
    `connection: ${closes ? 'close' : 'keep-alive'}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]);
}

/** What a request's bytes can be made of: a GET has no body. */
export function getBytes(path: string, { host, port, closes }: Connection): Buffer {
  return Buffer.from(
    `GET ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\nconnection: ${closes ? 'close' : 'keep-alive'}\r\n\r\n`,
  );
}
