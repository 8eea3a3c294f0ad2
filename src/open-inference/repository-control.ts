import { ServalError } from '../errors.ts';
import type { ModelManagement } from '../repository/model-management.ts';
import type { ModelRepository } from '../repository/model-repository.ts';

/**
 * Load and unload of the model repository extension: of all versions of a model at once.
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md
 */
export class RepositoryControl {
  readonly #repository: ModelRepository;
  readonly #management: ModelManagement;

  constructor(repository: ModelRepository, management: ModelManagement) {
    this.#repository = repository;
    this.#management = management;
  }

  /**
   * Loads every version that the model's folder holds, those that had been unloaded as well.
   * @throws ServalError SERVAL_MODEL_NOT_FOUND, SERVAL_VERSION_REFUSED where one does not pass its gates.
   */
  async load(model: string): Promise<void> {
    const found = await this.#management.reload(model);
    // What had been unloaded by hand is not brought back by that.
    const unloaded = this.#repository.versionsOf(model).filter(({ state }) => state === 'unloaded');
    const changes = [...found];
    for (const { version } of unloaded) changes.push(await this.#management.load(model, version));
    const refused = changes.find(({ action }) => action === 'refused');
    if (refused === undefined) return;
    throw new ServalError('SERVAL_VERSION_REFUSED', `Version ${refused.version} of "${model}": ${refused.reason}`);
  }

  /** @throws ServalError SERVAL_MODEL_NOT_FOUND */
  async unload(model: string): Promise<void> {
    for (const { version, state } of this.#repository.versionsOf(model)) {
      if (state !== 'unloaded') await this.#management.unload(model, version);
    }
  }
}
