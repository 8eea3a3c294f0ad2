import { z } from 'zod';

/** Shapes of the Open Inference Protocol's bodies, for the document; requests are read by readInferRequest. */

const parameters = z.looseObject({}).meta({ description: 'Unknown ones are passed over.' });
const datatype = z.enum([
  'BOOL',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES',
]);
const shape = z.array(z.int().min(0)).max(32);

export const inferRequestSchema = z
  .looseObject({
    id: z.string().optional(),
    inputs: z
      .array(
        z.looseObject({
          name: z.string().min(1),
          datatype,
          shape,
          parameters: parameters.optional().meta({
            description: '`binary_data_size`: the tensor is not in `data`, but so many bytes behind the JSON.',
          }),
          data: z.array(z.unknown()).optional().meta({ description: 'In row-major order, flat or nested.' }),
        }),
      )
      .min(1),
    outputs: z
      .array(
        z.looseObject({
          name: z.string().min(1),
          parameters: parameters.optional().meta({
            description:
              '`binary_data`: as bytes behind the JSON. `classification`: the n best as "score:index:label".',
          }),
        }),
      )
      .optional()
      .meta({ description: 'All of the model’s where left out.' }),
    parameters: parameters.optional().meta({
      description: '`timeout` in µs, `binary_data_output`; for texts `truncate`, `function_to_apply`.',
    }),
  })
  .meta({
    id: 'InferRequest',
    examples: [
      {
        inputs: [
          {
            name: 'text',
            datatype: 'BYTES',
            shape: [2],
            data: ['A wonderful, moving film.', 'It broke after two days.'],
          },
        ],
      },
    ],
  });

export const inferResponseSchema = z
  .object({
    model_name: z.string(),
    model_version: z.string(),
    id: z.string(),
    outputs: z.array(
      z.object({
        name: z.string(),
        datatype,
        shape,
        parameters: parameters.optional(),
        data: z.array(z.unknown()).optional(),
      }),
    ),
  })
  .meta({ id: 'InferResponse' });

const tensorMetadata = z.object({ name: z.string(), datatype, shape: z.array(z.int()) });

export const modelMetadataSchema = z
  .object({
    name: z.string(),
    versions: z.array(z.string()),
    platform: z.string(),
    inputs: z.array(tensorMetadata),
    outputs: z.array(tensorMetadata),
  })
  .meta({ id: 'ModelMetadata' });

export const serverMetadataSchema = z
  .object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) })
  .meta({ id: 'ServerMetadata' });

export const liveSchema = z.object({ live: z.boolean() }).meta({ id: 'ServerLive' });
export const readySchema = z.object({ ready: z.boolean() }).meta({ id: 'ServerReady' });
export const modelReadySchema = z.object({ name: z.string(), ready: z.boolean() }).meta({ id: 'ModelReady' });

export const indexRequestSchema = z.looseObject({ ready: z.boolean().optional() }).meta({
  id: 'RepositoryIndexRequest',
  examples: [{ ready: true }],
});

export const indexSchema = z
  .array(
    z.object({
      name: z.string(),
      version: z.string(),
      state: z.enum(['READY', 'LOADING', 'UNLOADING', 'UNAVAILABLE']),
      reason: z.string(),
    }),
  )
  .meta({ id: 'RepositoryIndex' });

export const changedSchema = z.object({}).meta({ id: 'RepositoryChanged' });

const duration = z.object({ count: z.int(), ns: z.int() });

export const statisticsSchema = z
  .object({
    model_stats: z.array(
      z.object({
        name: z.string(),
        version: z.string(),
        last_inference: z.int().meta({ description: 'ms since 1970; 0 before the first.' }),
        inference_count: z.int(),
        execution_count: z.int(),
        inference_stats: z.object({
          success: duration,
          fail: duration,
          queue: duration,
          compute_input: duration,
          compute_infer: duration,
          compute_output: duration,
          cache_hit: duration,
          cache_miss: duration,
        }),
        batch_stats: z.array(
          z.object({
            batch_size: z.int(),
            compute_input: duration,
            compute_infer: duration,
            compute_output: duration,
          }),
        ),
      }),
    ),
  })
  .meta({ id: 'ModelStatistics' });
