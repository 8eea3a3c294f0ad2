/** `note` is worth knowing, and perhaps a remedy; `problem` keeps the server from starting. */
export type Level = 'ok' | 'note' | 'problem';

export interface Finding {
  readonly level: Level;
  /** What was looked at. */
  readonly about: string;
  readonly text: string;
  /** Commands that mend it, one a line. */
  readonly remedy: string | null;
}

export function ok(about: string, text: string): Finding {
  return { level: 'ok', about, text, remedy: null };
}

export function note(about: string, text: string, remedy: string | null = null): Finding {
  return { level: 'note', about, text, remedy };
}

export function problem(about: string, text: string, remedy: string | null = null): Finding {
  return { level: 'problem', about, text, remedy };
}
