import type { ZodTypeProvider } from '@fastify/type-provider-zod';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ServalError } from '../../errors.ts';
import type { VersionChange } from '../../repository/model-management.ts';
import { adminGuard } from '../admin-guard.ts';
import type { AppParts } from '../app.ts';
import { errorResponses, modelParameter, versionParameter } from '../schemas.ts';

const changeSchema = z
  .object({
    model: z.string(),
    version: z.int(),
    action: z.enum(['loaded', 'unchanged', 'refused', 'unloaded', 'promoted']),
    state: z.enum(['loading', 'verifying', 'ready', 'draining', 'unloaded', 'failed']),
    reason: z.string().nullable().meta({ description: 'Why the version was refused.' }),
  })
  .meta({ id: 'VersionChange' });

const changesSchema = z.object({ changes: z.array(changeSchema) }).meta({ id: 'VersionChanges' });
const servedSchema = z.object({ model: z.string(), served_version: z.int().nullable() }).meta({ id: 'ServedVersion' });

const ACTIONS = {
  load: {
    summary: 'Load a version, or load it again after its folder changed',
    description:
      'The version is verified in a worker of its own while what is served goes on; 409 with the reason where it does not pass.',
  },
  unload: {
    summary: 'Take a version out of service',
    description: 'New requests do not get it; those accepted are answered before this is.',
  },
  promote: {
    summary: 'Let a version answer requests that name none',
    description: 'Whatever higher ones there are, until another is promoted or the model is unpinned.',
  },
} as const;

/** What changes what is served: off without SERVAL_ADMIN_TOKEN, a bearer token otherwise. */
export function managementRoutes(instance: FastifyInstance, { management, repository, config }: AppParts): void {
  const app = instance.withTypeProvider<ZodTypeProvider>();
  const guarded = { onRequest: adminGuard(config) };
  const shared = { tags: ['Management'], security: [{ adminToken: [] }] };

  app.post(
    '/repository/reload',
    {
      ...guarded,
      schema: {
        ...shared,
        summary: 'Bring what is served to what the models folder holds',
        description: 'New and changed versions are loaded, failed ones tried again, those that are gone unloaded.',
        response: { 200: changesSchema, ...errorResponses(401, 403, 503) },
      },
    },
    async (request) => {
      const changes = await management.reload(null);
      for (const change of changes) if (change.action !== 'unchanged') tell(request, change);
      return { changes: [...changes] };
    },
  );
  for (const action of ['load', 'unload', 'promote'] as const) {
    app.post(
      `/models/:model/versions/:version/${action}`,
      {
        ...guarded,
        schema: {
          ...shared,
          ...ACTIONS[action],
          params: z.object({ model: modelParameter, version: versionParameter }),
          response: { 200: changeSchema, ...errorResponses(400, 401, 403, 404, 409, 503) },
        },
      },
      async (request) => {
        const { model, version } = request.params;
        const change = await management[action](model, Number(version));
        tell(request, change);
        if (change.action !== 'refused') return change;
        throw new ServalError('SERVAL_VERSION_REFUSED', `Version ${version} of "${model}": ${change.reason}`);
      },
    );
  }
  app.post(
    '/models/:model/unpin',
    {
      ...guarded,
      schema: {
        ...shared,
        summary: 'Let the highest ready version answer again',
        params: z.object({ model: modelParameter }),
        response: { 200: servedSchema, ...errorResponses(400, 401, 403, 404, 503) },
      },
    },
    async (request) => {
      const { model } = request.params;
      await management.unpin(model);
      return { model, served_version: repository.servedVersion(model)?.manifest.version ?? null };
    },
  );
}

function tell(request: FastifyRequest, { model, version, action, state, reason }: VersionChange): void {
  request.log.warn({ audit: true, model, version, action, state, reason }, 'management');
}
