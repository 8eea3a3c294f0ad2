import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

/** TLS 1.0 and 1.1 are broken (RFC 8996). */
export const MIN_TLS_VERSION = 'TLSv1.2';

export interface CertificateFiles {
  /** PEM: the server's certificate, and those between it and the authority's. */
  readonly cert: string;
  /** PEM, without a passphrase. */
  readonly key: string;
}

/** What a server of TLS is given. */
export interface TlsContext {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly minVersion: typeof MIN_TLS_VERSION;
}

/** The certificate that new connections get; those that are open keep theirs. */
export class Certificate {
  readonly #files: CertificateFiles;
  readonly #listeners = new Set<(context: TlsContext) => void>();
  #context: TlsContext;

  /** @throws Error where the files are no certificate and its key. */
  constructor(files: CertificateFiles) {
    this.#files = files;
    this.#context = readContext(files);
  }

  get context(): TlsContext {
    return this.#context;
  }

  /** Who it was given to and until when it is valid. */
  get description(): { readonly subject: string; readonly validTo: string } {
    const { subject, validTo } = new X509Certificate(this.#context.cert);
    return { subject, validTo };
  }

  /** @param listener called with each later one. */
  onChange(listener: (context: TlsContext) => void): void {
    this.#listeners.add(listener);
  }

  /** @throws Error where the files are no certificate and its key; the one before stays. */
  reload(): void {
    this.#context = readContext(this.#files);
    for (const listener of this.#listeners) listener(this.#context);
  }
}

/** A context is made to see that the two belong together, before a server is given them. */
function readContext({ cert, key }: CertificateFiles): TlsContext {
  const context = { cert: readFileSync(cert), key: readFileSync(key), minVersion: MIN_TLS_VERSION } as const;
  createSecureContext(context);
  return context;
}
