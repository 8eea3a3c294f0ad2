import { readFileSync } from 'node:fs';
import type { Config } from '../config.ts';
import { messageOf } from '../errors.ts';
import { Certificate } from './certificate.ts';
import { FileWatch } from './file-watch.ts';
import { Gatekeeper, type KeyObserver } from './gatekeeper.ts';
import { readKeyLines } from './key-lines.ts';
import { KeyRing } from './key-ring.ts';

/** How often the files are looked at: what is revoked is refused within twice as long. */
const LOOK_EVERY_MS = 1_000;

export interface SecurityLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface SecurityParts {
  readonly config: Pick<Config, 'apiKeys' | 'apiKeysFile' | 'tlsCert' | 'tlsKey'>;
  readonly log: SecurityLog;
  readonly observer: KeyObserver;
}

/** Who gets in, and by what certificate: the files that say so, followed while they change. */
export class Security {
  /** Null where no keys are configured: everybody gets in. */
  readonly gatekeeper: Gatekeeper | null;
  /** Null for plain text. */
  readonly certificate: Certificate | null;
  readonly #config: SecurityParts['config'];
  readonly #log: SecurityLog;
  readonly #watches: FileWatch[] = [];
  #ring: KeyRing;

  /** @throws Error where keys or certificate cannot be read: a server that cannot tell who may come in does not start. */
  constructor({ config, log, observer }: SecurityParts) {
    this.#config = config;
    this.#log = log;
    const { apiKeys, apiKeysFile, tlsCert: cert, tlsKey: key } = config;
    if (apiKeysFile !== null) this.#follow([apiKeysFile], 'API keys', () => this.#reloadKeys());
    if (cert !== null && key !== null) this.#follow([cert, key], 'certificate', () => this.#reloadCertificate());
    this.#ring = this.#readRing(null);
    const hasKeys = apiKeys !== null || apiKeysFile !== null;
    this.gatekeeper = hasKeys ? new Gatekeeper(() => this.#ring, observer) : null;
    this.certificate = cert !== null && key !== null ? new Certificate({ cert, key }) : null;
  }

  /** What the servers need to open their doors, or keep them shut. */
  get doors(): Pick<Security, 'gatekeeper' | 'certificate'> {
    return { gatekeeper: this.gatekeeper, certificate: this.certificate };
  }

  start(): void {
    if (this.gatekeeper !== null) this.#log.info({ keys: this.#ring.size }, 'API keys are asked for');
    if (this.certificate !== null) this.#log.info(this.certificate.description, 'TLS is on');
    for (const watch of this.#watches) watch.start();
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop();
  }

  /** What cannot be read changes nothing: who got in before still does. */
  #follow(files: readonly string[], what: string, reload: () => void): void {
    const changed = () => {
      try {
        reload();
      } catch (error) {
        this.#log.error({ reason: messageOf(error) }, `${what} changed and cannot be read; those before stay`);
      }
    };
    this.#watches.push(new FileWatch({ files, everyMs: LOOK_EVERY_MS, changed }));
  }

  #readRing(before: KeyRing | null): KeyRing {
    const { apiKeys, apiKeysFile } = this.#config;
    const texts = [
      ...(apiKeysFile === null ? [] : [{ source: 'SERVAL_API_KEYS_FILE', text: readFileSync(apiKeysFile, 'utf8') }]),
      ...(apiKeys === null ? [] : [{ source: 'SERVAL_API_KEYS', text: apiKeys }]),
    ];
    return new KeyRing(readKeyLines(texts), before);
  }

  #reloadKeys(): void {
    this.#ring = this.#readRing(this.#ring);
    this.#log.warn({ audit: true, keys: this.#ring.size }, 'API keys read again');
  }

  #reloadCertificate(): void {
    if (this.certificate === null) return;
    this.certificate.reload();
    this.#log.warn({ audit: true, ...this.certificate.description }, 'certificate read again');
  }
}
