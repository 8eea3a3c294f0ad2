import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Certificate } from '../../src/security/certificate.ts';
import { type SelfSigned, selfSigned } from '../fixtures/self-signed.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

async function filesOf({ cert, key }: SelfSigned) {
  const folder = await temporaryFolder();
  const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
  await Promise.all([writeFile(files.cert, cert), writeFile(files.key, key)]);
  return files;
}

test('says who it was given to, and until when', async () => {
  const { description } = new Certificate(await filesOf(selfSigned('one')));
  expect(description).toEqual({ subject: 'CN=one', validTo: expect.stringContaining('2049') });
});

test('a certificate and the key of another are refused', async () => {
  const files = await filesOf({ ...selfSigned('one'), key: selfSigned('two').key });
  expect(() => new Certificate(files)).toThrow(/mismatch/);
});

test('files that are replaced by such as do not belong together change nothing', async () => {
  const one = selfSigned('one');
  const files = await filesOf(one);
  const certificate = new Certificate(files);
  const heard: string[] = [];
  certificate.onChange(({ cert }) => heard.push(cert.toString()));
  const two = selfSigned('two');
  await writeFile(files.cert, two.cert);
  expect(() => certificate.reload()).toThrow(/mismatch/);
  expect(certificate.context.cert.toString()).toBe(one.cert);
  await writeFile(files.key, two.key);
  certificate.reload();
  expect(heard).toEqual([two.cert]);
  expect(certificate.context).toMatchObject({ minVersion: 'TLSv1.2' });
});
