/** Image files that came as they are, raw or as multipart/form-data, with the fields beside them. */
export class ImageUpload {
  readonly files: readonly Uint8Array[];
  /** Form fields as text; none with a raw body. */
  readonly fields: Readonly<Record<string, string>>;

  constructor(files: readonly Uint8Array[], fields: Readonly<Record<string, string>>) {
    this.files = files;
    this.fields = fields;
  }
}
