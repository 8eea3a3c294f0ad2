import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import type { TextInput } from '../repository/manifest.ts';
import { addedTokensOf, isWordTokenizer, WordTokens } from './word-tokens.ts';

/** Texts that every usable tokenizer must give whole numbers for; the last one is in no vocabulary. */
const PROBES = ['', 'a', 'Hello, world!', 'ünïcödé 中文 🙂', 'zqxjkv\u{10FFFD}'];

export interface Tokens {
  /** Special tokens included, cut to the limit. */
  readonly ids: Int32Array;
  /** Of a pair: which of the two texts each token belongs to, as the tokenizer counts it; null where all are 0. */
  readonly typeIds: Int32Array | null;
  /** Number of tokens before the cut. */
  readonly uncutLength: number;
}

export type TruncationSide = 'left' | 'right';

/** The special tokens around and between the two texts of a pair. */
interface PairTemplate {
  readonly parts: readonly [before: Part, between: Part, after: Part];
  /** Type ids of the texts themselves. */
  readonly typeIds: readonly [number, number];
}

/** Its types promise the type ids; a tokenizer without a post-processor gives none. */
interface EncodedPair {
  readonly ids: readonly number[];
  readonly token_type_ids?: readonly number[];
}

interface Part {
  readonly ids: readonly number[];
  readonly typeIds: readonly number[];
}

/** Turns a text into the ids that Hugging Face's tokenizers library gives for the same tokenizer.json, not padded. */
export class Tokenizer {
  readonly #tokenizer: HuggingFaceTokenizer;
  readonly #maxTokens: number;
  readonly #truncationSide: TruncationSide;
  /** Special tokens that stand before and after a text. */
  readonly #prefix: readonly number[];
  readonly #suffix: readonly number[];
  /** Null where a text's tokens are not those of its words. */
  readonly #words: WordTokens | null;
  readonly #pairTemplate: PairTemplate | null;

  /** @throws Error with what is wrong with the tokenizer's files. */
  constructor({ tokenizer, tokenizerConfig, maxTokens, truncationSide }: TextInput) {
    this.#tokenizer = new HuggingFaceTokenizer(tokenizer, tokenizerConfig);
    this.#maxTokens = maxTokens;
    this.#truncationSide = truncationSide;
    for (const probe of PROBES) this.#checkIds(probe);
    const bare = this.#ids('a', false);
    const whole = this.#ids('a', true);
    const added = whole.length - bare.length;
    const start = placeOf(bare, whole, 0);
    if (start < 0 || added < 0) throw new Error('its special tokens change the text’s own tokens');
    this.#prefix = whole.slice(0, start);
    this.#suffix = whole.slice(start + bare.length);
    const addedTokens = isWordTokenizer(tokenizer) ? addedTokensOf(tokenizer) : null;
    this.#words = addedTokens === null ? null : new WordTokens((word) => this.#ids(word, false), { addedTokens });
    this.#pairTemplate = this.#readPairTemplate();
    if (maxTokens <= added) throw new Error(`the limit of ${maxTokens} tokens leaves no room for a text`);
  }

  encode(text: string, side: TruncationSide = this.#truncationSide): Tokens {
    const ids = this.#wholeIds(text);
    const cut = ids.length > this.#maxTokens ? this.#cut(ids, side) : ids;
    return { ids: new Int32Array(cut), typeIds: null, uncutLength: ids.length };
  }

  /** Whether it has a template for two texts in one input. */
  get takesPairs(): boolean {
    return this.#pairTemplate !== null;
  }

  /**
   * Two texts with the special tokens that the tokenizer's template has for a pair; the longer one is cut first.
   * @throws Error where it takes no pairs.
   */
  encodePair(texts: readonly [string, string], side: TruncationSide = this.#truncationSide): Tokens {
    if (this.#pairTemplate === null) throw new Error('This is a bug: a pair for a tokenizer that takes none');
    const { parts, typeIds } = this.#pairTemplate;
    const [before, between, after] = parts;
    const bare = [this.#bareIds(texts[0]), this.#bareIds(texts[1])] as const;
    const special = before.ids.length + between.ids.length + after.ids.length;
    const kept = longestFirst([bare[0].length, bare[1].length], Math.max(0, this.#maxTokens - special));
    const [first, second] = [cutTo(bare[0], kept[0], side), cutTo(bare[1], kept[1], side)];
    const typesOf = (ids: readonly number[], type: number) => ids.map(() => type);
    const types = [
      ...before.typeIds,
      ...typesOf(first, typeIds[0]),
      ...between.typeIds,
      ...typesOf(second, typeIds[1]),
      ...after.typeIds,
    ];
    return {
      ids: Int32Array.from([...before.ids, ...first, ...between.ids, ...second, ...after.ids]),
      typeIds: types.some((type) => type !== 0) ? Int32Array.from(types) : null,
      uncutLength: bare[0].length + bare[1].length + special,
    };
  }

  /** With special tokens, not cut. */
  #wholeIds(text: string): readonly number[] {
    if (this.#words === null) return this.#ids(text, true);
    const ids = [...this.#prefix];
    this.#words.append(text, ids);
    for (const id of this.#suffix) ids.push(id);
    return ids;
  }

  /** Without special tokens, not cut. */
  #bareIds(text: string): readonly number[] {
    if (this.#words === null) return this.#ids(text, false);
    const ids: number[] = [];
    this.#words.append(text, ids);
    return ids;
  }

  /** Keeps the special tokens and as much of the text as fits. */
  #cut(ids: readonly number[], side: TruncationSide): number[] {
    const room = this.#maxTokens - this.#prefix.length - this.#suffix.length;
    const end = ids.length - this.#suffix.length;
    const text = cutTo(ids.slice(this.#prefix.length, end), room, side);
    return [...this.#prefix, ...text, ...this.#suffix];
  }

  /** Read from a pair of known texts; null where these do not come out of it as they went in. */
  #readPairTemplate(): PairTemplate | null {
    const [first, second] = [this.#ids('a', false), this.#ids('b', false)];
    const options = { text_pair: 'b', add_special_tokens: true, return_token_type_ids: true } as const;
    const { ids, token_type_ids: given } = this.#tokenizer.encode('a', options) as EncodedPair;
    const from = placeOf(first, ids, 0);
    const pairFrom = from < 0 ? -1 : placeOf(second, ids, from + first.length);
    if (pairFrom < 0) return null;
    // Without a template the native library counts the second text as 1, and this one says nothing.
    const typeIds = given ?? ids.map((_, at) => (at < pairFrom ? 0 : 1));
    const part = (start: number, end: number): Part => ({
      ids: ids.slice(start, end),
      typeIds: typeIds.slice(start, end),
    });
    return {
      parts: [part(0, from), part(from + first.length, pairFrom), part(pairFrom + second.length, ids.length)],
      typeIds: [typeIds[from] ?? 0, typeIds[pairFrom] ?? 0],
    };
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

/** Where `part` stands in `whole`, at `from` or later; -1 where it does not. */
function placeOf(part: readonly number[], whole: readonly number[], from: number): number {
  return whole.findIndex((_, at) => at >= from && part.every((id, k) => whole[at + k] === id));
}

function cutTo(ids: readonly number[], count: number, side: TruncationSide): readonly number[] {
  if (ids.length <= count) return ids;
  return side === 'left' ? ids.slice(ids.length - count) : ids.slice(0, count);
}

/**
 * How many tokens each of two texts keeps within `room`: the longer one is cut first, then both to halves.
 * As `longest_first` of https://github.com/huggingface/tokenizers/blob/main/tokenizers/src/utils/truncation.rs
 */
function longestFirst([first, second]: readonly [number, number], room: number): readonly [number, number] {
  if (first + second <= room) return [first, second];
  const shorter = Math.min(first, second);
  const longer = shorter > room ? shorter : Math.max(shorter, room - shorter);
  const kept =
    shorter + longer > room
      ? ([Math.floor(room / 2), Math.floor(room / 2) + (room % 2)] as const)
      : ([shorter, longer] as const);
  return first > second ? [kept[1], kept[0]] : kept;
}
