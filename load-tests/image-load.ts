import { HttpConnection } from './http-connection.ts';
import { toBytes } from './http-request.ts';
import { SALT_BYTES, withSalt } from './photographs.ts';

/** Connections that each send one image after another, without a pause, until they are stopped. */
export class ImageLoad {
  answered = 0;
  #salt = 0;
  #stopping = false;
  readonly #url: URL;
  readonly #files: readonly Buffer[];
  readonly #connections: Promise<void>[];

  constructor(url: string, files: readonly Buffer[], connections: number) {
    this.#url = new URL(url);
    this.#files = files;
    this.#connections = Array.from({ length: connections }, (_, at) => this.#connection(at));
  }

  /** Resolves when what was sent is answered. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#connections);
  }

  async #connection(offset: number): Promise<void> {
    const address = { host: this.#url.hostname, port: Number(this.#url.port) };
    const path = '/models/imagenet/predict';
    const headers = { 'content-type': 'image/jpeg' };
    // Made once: a generator that copies its files takes from the server what it measures.
    const requests = this.#files.map((file) =>
      toBytes({ path, headers, body: withSalt(file, 0) }, { ...address, closes: false }),
    );
    const connection = new HttpConnection(address);
    for (let at = offset; !this.#stopping; at++) {
      const request = requests[at % requests.length] ?? Buffer.alloc(SALT_BYTES);
      request.writeDoubleLE(++this.#salt, request.byteLength - SALT_BYTES);
      const { status, body } = await connection.send(request);
      if (status !== 200) throw new Error(`${path} answered ${status}: ${body}`);
      this.answered += 1;
    }
    connection.close();
  }
}
