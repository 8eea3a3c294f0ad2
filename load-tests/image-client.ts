import http from 'node:http';

/** One connection that is kept open; lighter than fetch, as the client shares the machine with the server. */
export class Client {
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** @throws Error when the answer is not 200. */
  post(path: string, contentType: string, body: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': contentType, 'content-length': body.byteLength };
      const request = http.request(
        `${this.#url}${path}`,
        { method: 'POST', agent: this.#agent, headers },
        (response) => {
          response.resume();
          response.on('end', () =>
            response.statusCode === 200 ? resolve() : reject(new Error(`${path} answered ${response.statusCode}`)),
          );
          response.on('error', reject);
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
