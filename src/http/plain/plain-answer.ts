/** What is written to a connection. */
export interface PlainAnswer {
  readonly pieces: readonly (string | Uint8Array)[];
  /** Whether the connection ends with it. */
  readonly isLast: boolean;
  /** Called when all of it is with the kernel, or with an error when it will never be. */
  readonly onSent?: (error?: Error | null) => void;
}
