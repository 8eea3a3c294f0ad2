import type { Field } from '../http2/field-table.ts';

/** What a client says beside its messages. */
export class CallMetadata {
  readonly #fields: readonly Field[];

  constructor(fields: readonly Field[]) {
    this.#fields = fields;
  }

  /** The first of that name, which is in lower case; undefined for none. */
  get(name: string): string | undefined {
    for (const field of this.#fields) if (field.name === name) return field.value;
    return undefined;
  }

  all(name: string): string[] {
    return this.#fields.filter((field) => field.name === name).map(({ value }) => value);
  }
}
