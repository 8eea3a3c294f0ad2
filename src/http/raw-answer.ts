import { STATUS_CODES } from 'node:http';

/** An answer with all of its headers, the length of its text among them. */
export interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly text: string;
}

/** The answer as HTTP/1.1 has it, for a connection that node:http does not answer on. */
export function rawAnswer({ statusCode, headers, text }: Answer): string {
  let head = `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\n`;
  for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`;
  return `${head}\r\n${text}`;
}
