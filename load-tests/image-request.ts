/** Ways to send an image file; the answers must not depend on them. */
export const FORMS = ['raw', 'multipart', 'json', 'data-url'] as const;
export type Form = (typeof FORMS)[number];

export interface Answer {
  readonly status: number;
  readonly code: string | null;
  readonly body: {
    readonly predictions?: readonly { readonly label: string; readonly scores: readonly LabelScore[] }[];
    readonly details?: unknown;
  };
  readonly ms: number;
}

export interface LabelScore {
  readonly label: string;
  readonly score: number;
}

export interface ImageRequest {
  /** Address of a model: `http://…/models/imagenet`. */
  readonly url: string;
  readonly bytes: Uint8Array;
  readonly form: Form;
  readonly topK: number;
}

/** Sends one image file and takes the answer apart. */
export async function sendImage({ url, bytes, form, topK }: ImageRequest): Promise<Answer> {
  const begun = performance.now();
  const response = await fetch(`${url}/predict?top_k=${topK}`, { method: 'POST', ...bodyOf(bytes, form) });
  const body = (await response.json()) as Answer['body'] & { code?: string };
  return { status: response.status, code: body.code ?? null, body, ms: performance.now() - begun };
}

function bodyOf(
  bytes: Uint8Array,
  form: Form,
): { body: FormData | string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> } {
  const own = new Uint8Array(bytes);
  switch (form) {
    case 'raw':
      return { body: own, headers: { 'content-type': 'image/jpeg' } };
    case 'multipart': {
      const data = new FormData();
      data.append('file', new Blob([own], { type: 'image/jpeg' }), 'picture.jpg');
      return { body: data };
    }
    case 'json':
      return jsonOf(Buffer.from(bytes).toString('base64'));
    case 'data-url':
      return jsonOf(`data:image/jpeg;base64,${Buffer.from(bytes).toString('base64')}`);
  }
}

function jsonOf(image: string) {
  return { body: JSON.stringify({ inputs: { image } }), headers: { 'content-type': 'application/json' } };
}
