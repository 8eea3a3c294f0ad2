import { ServerCredentials } from '@grpc/grpc-js';
import type { Certificate } from '../security/certificate.ts';

/** TLS by a certificate that may change while the server runs; the library's own credentials keep the first. */
class ChangingCredentials extends ServerCredentials {
  constructor(certificate: Certificate) {
    const { minVersion } = certificate.context;
    super({ minVersion }, certificate.context);
    certificate.onChange((context) => this.updateSecureContextOptions(context));
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this;
  }
}

/** @param certificate null for plain text. */
export function credentialsOf(certificate: Certificate | null): ServerCredentials {
  return certificate === null ? ServerCredentials.createInsecure() : new ChangingCredentials(certificate);
}
