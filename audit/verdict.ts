/** What `npm audit --json` prints, as far as it matters here. */
export interface AuditReport {
  /** Only there where a registry gave advisories. */
  readonly auditReportVersion?: number;
  readonly vulnerabilities?: Readonly<Record<string, { readonly via: readonly (string | Advisory)[] }>>;
  /** Why there are none. */
  readonly message?: string;
  readonly error?: { readonly summary?: string };
}

interface Advisory {
  readonly url: string;
  readonly name: string;
  readonly title: string;
  readonly severity: string;
}

export type Verdict =
  | { readonly kind: 'clean'; readonly explained: readonly string[] }
  | { readonly kind: 'findings'; readonly findings: readonly string[] }
  /** Nothing is known: not clean. */
  | { readonly kind: 'not audited'; readonly reason: string };

/** @param explained ids of advisories (GHSA-…) that somebody looked at, each with why it does not matter here. */
export function verdictOf(report: AuditReport, explained: Readonly<Record<string, string>>): Verdict {
  if (report.auditReportVersion === undefined) {
    const { error, message } = report;
    // npm leaves the summary empty where the registry refused.
    return { kind: 'not audited', reason: error?.summary || message || 'npm audit printed no report' };
  }
  // What only depends on a package that is vulnerable names that package, as a text.
  const advisories = Object.values(report.vulnerabilities ?? {})
    .flatMap(({ via }) => via)
    .filter((via) => typeof via !== 'string');
  const isExplained = ({ url }: Advisory) => Object.hasOwn(explained, idOf(url));
  const open = advisories.filter((advisory) => !isExplained(advisory));
  if (open.length === 0) return { kind: 'clean', explained: [...new Set(advisories.map(({ url }) => idOf(url)))] };
  const findings = open.map(({ url, name, title, severity }) => `${name}: ${title} (${severity}, ${idOf(url)})`);
  return { kind: 'findings', findings: [...new Set(findings)] };
}

/** https://github.com/advisories/GHSA-… */
function idOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}
