/** What `--json` writes: one document, and nothing else, on the standard output. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
