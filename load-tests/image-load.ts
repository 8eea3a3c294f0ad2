import { Client } from './image-client.ts';
import { withSalt } from './photographs.ts';

/** Connections that each send one image after another, without a pause, until they are stopped. */
export class ImageLoad {
  answered = 0;
  #salt = 0;
  #stopping = false;
  readonly #url: string;
  readonly #files: readonly Buffer[];
  readonly #connections: Promise<void>[];

  constructor(url: string, files: readonly Buffer[], connections: number) {
    this.#url = url;
    this.#files = files;
    this.#connections = Array.from({ length: connections }, (_, at) => this.#connection(at));
  }

  /** Resolves when what was sent is answered. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#connections);
  }

  async #connection(offset: number): Promise<void> {
    const client = new Client(this.#url);
    for (let at = offset; !this.#stopping; at++) {
      const file = this.#files[at % this.#files.length] ?? Buffer.alloc(0);
      await client.post('/models/imagenet/predict', 'image/jpeg', withSalt(file, ++this.#salt));
      this.answered += 1;
    }
    client.close();
  }
}
