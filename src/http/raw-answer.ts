import { STATUS_CODES } from './status-codes.ts';

/** An answer with all of its headers, the length of its text among them. */
export interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly text: string;
}

/**
 * The answer as HTTP/1.1 has it, for a connection that node:http does not answer on.
 * @param lines of its head that are there already, each with its end.
 */
export function rawAnswer({ statusCode, headers, text }: Answer, lines = ''): string {
  let head = `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\n${lines}`;
  for (const name of Object.keys(headers)) head += `${name}: ${headers[name]}\r\n`;
  return `${head}\r\n${text}`;
}
