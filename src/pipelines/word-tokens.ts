/** Token ids of a text without special tokens, as the tokenizer gives them. */
export type IdsOf = (text: string) => readonly number[];

/** One id stands for itself: an array around it is two more places in memory, and those of a text's words are rarely in a cache. */
type WordIds = number | readonly number[];

/** Longer words are not kept: there are few, and they come from who sends no words. */
const MAX_WORD_CHARS = 64;

/** What an ASCII character is to a tokenizer of words. */
const WORD = 1;
const PUNCTUATION = 2;
const SPACE = 3;
const OTHER = 0;
const CLASSES = Uint8Array.from({ length: 128 }, (_, code) => classOf(code));

/**
 * Token ids of texts, put together from those of their words, which are kept: a server sees the same few thousand words
 * all the time, and to tokenise a text of 25 from scratch takes the main process longer than everything else that it does
 * for it. The words' ids come from the tokenizer itself.
 *
 * For tokenizers that split at white space and around each sign of punctuation before they look at their vocabulary, and
 * whose normalizer looks at one character at a time (all of BERT's family):
 *
 *     "Great value, isn't it?"  →  Great · value · , · isn · ' · t · it · ?
 *
 * What lies between two spaces and is not plain ASCII, or may hold one of the tokenizer's added tokens, is given to the
 * tokenizer in one piece.
 */
export class WordTokens {
  readonly #idsOf: IdsOf;
  /** First characters of added tokens, and characters beside the classes: their neighbourhood is not cut. */
  readonly #classes: Uint8Array;
  readonly #maxWords: number;
  /** Two generations, so that words in use outlive those that came once. */
  #recent = new Map<string, WordIds>();
  #old = new Map<string, WordIds>();

  constructor(idsOf: IdsOf, { addedTokens, maxWords = 20_000 }: { addedTokens: readonly string[]; maxWords?: number }) {
    this.#idsOf = idsOf;
    this.#maxWords = maxWords;
    this.#classes = CLASSES.slice();
    for (const [first = ''] of addedTokens) {
      // A token may be looked for after the text was put in lower case.
      for (const char of [first, first.toLowerCase(), first.toUpperCase()]) this.#classes[char.charCodeAt(0)] = OTHER;
    }
  }

  /** Appends the text's ids. */
  append(text: string, ids: number[]): void {
    let from = 0;
    while (from < text.length) {
      let end = from;
      let isPlain = true;
      for (; end < text.length; end++) {
        const kind = this.#classes[text.charCodeAt(end)] ?? OTHER;
        if (kind === SPACE) break;
        if (kind === OTHER) isPlain = false;
      }
      if (!isPlain) this.#appendWord(text.slice(from, end), ids);
      else this.#appendPlain(text, from, end, ids);
      from = end + 1;
    }
  }

  #appendPlain(text: string, from: number, end: number, ids: number[]): void {
    let begun = from;
    for (let at = from; at < end; at++) {
      if (this.#classes[text.charCodeAt(at)] !== PUNCTUATION) continue;
      if (at > begun) this.#appendWord(text.slice(begun, at), ids);
      this.#appendWord(text.charAt(at), ids);
      begun = at + 1;
    }
    if (end > begun) this.#appendWord(text.slice(begun, end), ids);
  }

  #appendWord(word: string, ids: number[]): void {
    if (word.length === 0) return;
    const known = this.#recent.get(word) ?? this.#recall(word);
    if (typeof known === 'number') ids.push(known);
    else for (const id of known) ids.push(id);
  }

  #recall(word: string): WordIds {
    const ids = this.#old.get(word) ?? wordIds(this.#idsOf(word));
    if (word.length > MAX_WORD_CHARS) return ids;
    if (this.#recent.size >= this.#maxWords) {
      this.#old = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(word, ids);
    return ids;
  }
}

function wordIds(ids: readonly number[]): WordIds {
  const [first] = ids;
  return first !== undefined && ids.length === 1 ? first : ids;
}

/**
 * What the classes are to BERT's pre-tokenizer: all ASCII signs are punctuation, those that Unicode calls symbols too.
 * https://github.com/huggingface/tokenizers/blob/main/tokenizers/src/pre_tokenizers/bert.rs
 */
function classOf(code: number): number {
  const char = String.fromCharCode(code);
  if (/[ \t\n\r]/.test(char)) return SPACE;
  if (/[0-9A-Za-z]/.test(char)) return WORD;
  return code > 32 && code < 127 ? PUNCTUATION : OTHER;
}

/** Whether a tokenizer.json is one whose texts' ids are those of their words, one after the other. */
export function isWordTokenizer(tokenizer: object): boolean {
  const { normalizer, pre_tokenizer: preTokenizer, model } = tokenizer as TokenizerFile;
  return (
    (normalizer == null || normalizer.type === 'BertNormalizer' || normalizer.type === 'Lowercase') &&
    preTokenizer?.type === 'BertPreTokenizer' &&
    model?.type === 'WordPiece'
  );
}

/** Added tokens' texts; null where one of them holds white space, or is empty. */
export function addedTokensOf(tokenizer: object): string[] | null {
  const contents = ((tokenizer as TokenizerFile).added_tokens ?? []).map(({ content }) => content);
  return contents.every((content) => /^\S+$/u.test(content)) ? contents : null;
}

interface TokenizerFile {
  readonly normalizer?: { readonly type?: string } | null;
  readonly pre_tokenizer?: { readonly type?: string } | null;
  readonly model?: { readonly type?: string } | null;
  readonly added_tokens?: readonly { readonly content: string }[] | null;
}
