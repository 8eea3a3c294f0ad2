import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

/** Every example that /docs offers for a prediction works on the bundled text model. */

const { SERVAL_URL: url = '' } = process.env;

interface Operation {
  readonly tags?: readonly string[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

interface Schema {
  readonly $ref?: string;
  readonly examples?: readonly object[];
}

interface Document {
  readonly paths: Readonly<Record<string, { readonly post?: Operation }>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const document = (await (await fetch(`${url}/openapi.json`)).json()) as Document;
const PLACES: Readonly<Record<string, string>> = { '{model}': 'sentiment', '{version}': '2', '{label}': 'stable' };

const offered = Object.entries(document.paths).flatMap(([path, { post }]) => {
  const schema = post?.requestBody?.content['application/json']?.schema;
  const examples = document.components.schemas[schema?.$ref?.split('/').at(-1) ?? '']?.examples ?? [];
  const address = path.replaceAll(/\{\w+\}/g, (name) => PLACES[name] ?? name);
  return examples.map((example) => ({ address, tag: post?.tags?.[0] ?? '', example }));
});

describe('examples of the document', () => {
  for (const { address, example } of offered) {
    test(`POST ${address} ${JSON.stringify(example)}`, async () => {
      const response = await fetch(url + address, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(example),
      });
      assert.equal(response.status, 200, await response.text());
    });
  }

  test('every protocol has one', () => {
    const tags = new Set(offered.map(({ tag }) => tag));
    for (const tag of [
      'Predict',
      'Open Inference Protocol',
      'Hugging Face',
      'Text Embeddings Inference',
      'TensorFlow Serving, KServe V1',
    ]) {
      assert.ok(tags.has(tag), tag);
    }
  });
});
