import cluster from 'node:cluster';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { env, pipeline, RawImage } from '@huggingface/transformers';
import Fastify from 'fastify';

/**
 * Fastify in front of a transformers.js pipeline, as the library's server example shows it.
 * Environment: PORT, MODEL (a version's folder), KIND (text or images), WORKERS (1: no cluster).
 */

const { PORT, MODEL, KIND, WORKERS } = process.env;
const TASKS = { text: 'text-classification', images: 'image-classification' };
const IMAGE_BYTES = 30_000_000;

env.allowRemoteModels = false;
env.localModelPath = path.resolve('models');

if (cluster.isPrimary) await layOutModel();
if (cluster.isPrimary && Number(WORKERS) > 1) {
  for (let worker = 0; worker < Number(WORKERS); worker++) cluster.fork();
  process.on('SIGTERM', () => process.exit(0));
} else {
  await serve();
}

/** The same files, where transformers.js looks for them. */
async function layOutModel() {
  const folder = path.join(env.localModelPath, KIND);
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.join(folder, 'onnx'), { recursive: true });
  for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'preprocessor_config.json']) {
    await cp(path.join(MODEL, file), path.join(folder, file)).catch(() => {});
  }
  await cp(path.join(MODEL, 'model.onnx'), path.join(folder, 'onnx/model.onnx'));
  if (KIND === 'images') {
    // Types that the library knows and that do what the files say: pixel_values to logits; resize, crop, normalise.
    await change(path.join(folder, 'config.json'), { model_type: 'mobilenet_v2' });
    await change(path.join(folder, 'preprocessor_config.json'), { image_processor_type: 'ViTImageProcessor' });
  }
}

async function change(file, fields) {
  const config = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify({ ...config, ...fields }));
}

async function serve() {
  const classify = await pipeline(TASKS[KIND], KIND, {
    dtype: 'fp32',
    device: 'cpu',
    session_options: {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    },
  });
  const app = Fastify({ bodyLimit: IMAGE_BYTES });
  app.addContentTypeParser(/^image\//, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.post('/predict', async (request) => {
    if (KIND === 'text') return classify(request.body.inputs, { top_k: 5 });
    return classify(await RawImage.fromBlob(new Blob([request.body])), { top_k: 5 });
  });
  await app.listen({ port: Number(PORT), host: '127.0.0.1' });
}
