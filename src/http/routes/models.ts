import type { ZodTypeProvider } from '@fastify/type-provider-zod';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ImageInput } from '../../repository/manifest.ts';
import type { ModelRepository } from '../../repository/model-repository.ts';
import type { VersionRecord } from '../../repository/version-lifecycle.ts';
import type { AppParts } from '../app.ts';
import { errorResponses, modelParameter } from '../schemas.ts';

const tensorSchema = z.object({
  name: z.string(),
  data_type: z.string(),
  shape: z.array(z.union([z.number(), z.string(), z.null()])),
});

const versionSchema = z
  .object({
    version: z.int(),
    state: z.enum(['loading', 'verifying', 'ready', 'draining', 'unloaded', 'failed']),
    reason: z.string().nullable().meta({ description: 'Why the version failed.' }),
    refused_update: z.string().nullable().meta({
      description: 'Why the last change of its folder was not taken over, while the version goes on serving as it was.',
    }),
    task: z.string().nullable(),
    labels: z.array(z.string()),
    inputs: z.array(tensorSchema),
    outputs: z.array(tensorSchema),
    max_tokens: z.int().nullable().meta({ description: 'Of a text model: longer texts are cut.' }),
    image: z
      .object({ channels: z.int(), height: z.int(), width: z.int() })
      .nullable()
      .meta({ description: 'Of an image model: what every picture is resized and cropped to.' }),
    golden: z
      .union([
        z.literal('none'),
        z.object({ samples: z.int(), tolerance: z.number(), largest_error: z.number(), reference: z.string() }),
      ])
      .nullable()
      .meta({
        description: 'Comparison with the reference implementation; `none` without golden.json, null before it ran.',
      }),
    preprocessing: z.enum(['verified', 'unverified']).nullable().meta({
      description:
        'Of an image model: whether golden samples that are image files, decoded and resized here, gave the reference’s scores.',
    }),
    batching: z
      .object({ verdict: z.enum(['invariant', 'within_tolerance', 'unsafe', 'off']), largest_move: z.number() })
      .nullable()
      .meta({ description: 'Whether an item’s scores depend on its batch; `unsafe` and `off` run items one by one.' }),
    cost_ms: z
      .object({ base: z.number(), per_token: z.number(), per_token_squared: z.number() })
      .nullable()
      .meta({ description: 'Worker time of B items of S tokens: base + per_token·B·S + per_token_squared·B·S².' }),
    execution_provider: z
      .enum(['cpu', 'cuda'])
      .nullable()
      .meta({ description: 'What ran it when it was verified; null before.' }),
    load_seconds: z.number().nullable(),
    provenance: z
      .object({
        sha256: z.string(),
        file_bytes: z.int(),
        description: z.string().nullable(),
        licence: z.string().nullable(),
        source: z.string().nullable(),
        metrics: z.record(z.string(), z.number()),
      })
      .nullable(),
  })
  .meta({ id: 'Version' });

const modelSchema = z
  .object({
    name: z.string(),
    served_version: z.int().nullable().meta({ description: 'Answers requests that name no version.' }),
    pinned_version: z.int().nullable().meta({ description: 'Was promoted; null where the highest ready one answers.' }),
    versions: z.array(versionSchema),
  })
  .meta({ id: 'Model' });

const modelsSchema = z.object({ models: z.array(modelSchema) }).meta({ id: 'Models' });

export function modelRoutes(instance: FastifyInstance, parts: AppParts): void {
  const app = instance.withTypeProvider<ZodTypeProvider>();
  const { repository } = parts;
  app.get(
    '/models',
    {
      schema: {
        tags: ['Models'],
        summary: 'All models, their versions and states',
        response: { 200: modelsSchema },
      },
    },
    async () => ({ models: repository.models.map((name) => describeModel(name, parts)) }),
  );
  app.get(
    '/models/:model',
    {
      schema: {
        tags: ['Models'],
        summary: 'One model: labels, inputs, versions, provenance',
        params: z.object({ model: modelParameter }),
        response: { 200: modelSchema, ...errorResponses(400, 404) },
      },
    },
    async (request) => describeModel(request.params.model, parts),
  );
}

function describeModel(name: string, parts: AppParts): z.output<typeof modelSchema> {
  const { repository }: { repository: ModelRepository } = parts;
  return {
    name,
    versions: repository.versionsOf(name).map((record) => describeVersion(record, parts)),
    served_version: repository.servedVersion(name)?.manifest.version ?? null,
    pinned_version: repository.pinned(name),
  };
}

function describeVersion(record: VersionRecord, { costOf }: AppParts): z.output<typeof versionSchema> {
  const { manifest, verification } = record;
  const cost = manifest === null ? null : costOf(manifest);
  return {
    version: record.version,
    state: record.state,
    reason: record.reason,
    refused_update: record.refusedUpdate,
    task: manifest?.task ?? null,
    labels: [...(manifest === null || manifest.task === 'tensor' ? [] : manifest.classification.labels)],
    inputs: (manifest?.inputs ?? []).map(describeTensor),
    outputs: (manifest?.outputs ?? []).map(describeTensor),
    max_tokens: manifest?.task === 'text-classification' ? manifest.text.maxTokens : null,
    image: manifest?.task === 'image-classification' ? describeImage(manifest.image) : null,
    golden:
      verification === null
        ? null
        : verification.golden === null || manifest?.golden == null
          ? 'none'
          : {
              samples: verification.golden.samples,
              tolerance: verification.golden.tolerance,
              largest_error: verification.golden.largestError,
              reference: manifest.golden.reference,
            },
    preprocessing: manifest?.task === 'image-classification' ? preprocessingOf(record) : null,
    batching:
      verification === null ? null : { verdict: verification.batching, largest_move: verification.largestBatchMove },
    cost_ms: cost === null ? null : { base: cost.base, per_token: cost.perToken, per_token_squared: cost.perTokenPair },
    execution_provider: record.executionProvider,
    load_seconds: record.loadSeconds,
    provenance:
      manifest === null
        ? null
        : {
            sha256: manifest.provenance.sha256,
            file_bytes: manifest.provenance.fileBytes,
            description: manifest.provenance.description,
            licence: manifest.provenance.licence,
            source: manifest.provenance.source,
            metrics: { ...manifest.provenance.metrics },
          },
  };
}

/** Golden samples of an image model are image files: their scores only come right where their pixels do. */
function preprocessingOf({ verification }: VersionRecord): 'verified' | 'unverified' | null {
  if (verification === null) return null;
  return verification.golden === null ? 'unverified' : 'verified';
}

function describeTensor({
  name,
  dataType,
  shape,
}: {
  name: string;
  dataType: string;
  shape: readonly (number | string | null)[];
}) {
  return { name, data_type: dataType, shape: [...shape] };
}

function describeImage({ channels, height, width }: ImageInput) {
  return { channels, height, width };
}
