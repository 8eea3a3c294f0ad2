/** Which methods each route has, so that a wrong one is answered with 405 and not with 404. */
export class MethodTable {
  readonly #routes = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();

  /** @param url a route of Fastify, as `/models/:model/predict` or `/docs/*`. */
  add(url: string, method: string | readonly string[]): void {
    // Takes preflights for every path; there is nothing at it.
    if (url === '*') return;
    const route = this.#routes.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
    for (const name of [method].flat()) route.methods.add(name);
    this.#routes.set(url, route);
  }

  /** The methods that the path takes; empty where no route has it. */
  allowed(path: string): string[] {
    const methods = [...this.#routes.values()]
      .filter(({ pattern }) => pattern.test(path))
      .flatMap((route) => [...route.methods]);
    return [...new Set(methods)].sort();
  }
}

/** What a route's pattern is made of: an escaped colon, a parameter with or without an expression of its own, a wildcard. */
const TOKEN = /(::|:\w+(?:\([^)]*\))?|\*)/;

function patternOf(url: string): RegExp {
  const parts = url.split(TOKEN).map((part) => {
    if (part === '::') return ':';
    if (part === '*') return '.*';
    if (part.startsWith(':')) return part.endsWith(')') ? part.slice(part.indexOf('(')) : '[^/]+';
    return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`);
}
