import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import type { TextInput } from '../repository/manifest.ts';

/** Texts that every usable tokenizer must give whole numbers for; the last one is in no vocabulary. */
const PROBES = ['', 'a', 'Hello, world!', 'ünïcödé 中文 🙂', 'zqxjkv\u{10FFFD}'];

export interface Tokens {
  /** Special tokens included, cut to the limit. */
  readonly ids: Int32Array;
  /** Number of tokens before the cut. */
  readonly uncutLength: number;
}

/** Turns a text into the ids that Hugging Face's tokenizers library gives for the same tokenizer.json, not padded. */
export class Tokenizer {
  readonly #tokenizer: HuggingFaceTokenizer;
  readonly #maxTokens: number;
  readonly #truncationSide: 'left' | 'right';
  /** Special tokens that stand before and after a text. */
  readonly #prefixLength: number;
  readonly #suffixLength: number;

  /** @throws Error with what is wrong with the tokenizer's files. */
  constructor({ tokenizer, tokenizerConfig, maxTokens, truncationSide }: TextInput) {
    this.#tokenizer = new HuggingFaceTokenizer(tokenizer, tokenizerConfig);
    this.#maxTokens = maxTokens;
    this.#truncationSide = truncationSide;
    for (const probe of PROBES) this.#checkIds(probe);
    const bare = this.#ids('a', false);
    const whole = this.#ids('a', true);
    const added = whole.length - bare.length;
    const start = whole.findIndex((_, at) => bare.every((id, k) => whole[at + k] === id));
    if (start < 0 || added < 0) throw new Error('its special tokens change the text’s own tokens');
    this.#prefixLength = start;
    this.#suffixLength = added - start;
    if (maxTokens <= added) throw new Error(`the limit of ${maxTokens} tokens leaves no room for a text`);
  }

  encode(text: string): Tokens {
    const ids = this.#ids(text, true);
    return { ids: Int32Array.from(ids.length > this.#maxTokens ? this.#cut(ids) : ids), uncutLength: ids.length };
  }

  /** Keeps the special tokens and as much of the text as fits. */
  #cut(ids: readonly number[]): number[] {
    const room = this.#maxTokens - this.#prefixLength - this.#suffixLength;
    const end = ids.length - this.#suffixLength;
    const from = this.#truncationSide === 'left' ? end - room : this.#prefixLength;
    return [...ids.slice(0, this.#prefixLength), ...ids.slice(from, from + room), ...ids.slice(end)];
  }

  #ids(text: string, special: boolean): number[] {
    return this.#tokenizer.encode(text, { add_special_tokens: special }).ids;
  }

  #checkIds(text: string): void {
    if (this.#ids(text, true).every(Number.isInteger)) return;
    throw new Error(
      'it gives no id for words that are not in its vocabulary; a WordPiece model with an unk_token does (see docs/text-models.md)',
    );
  }
}
