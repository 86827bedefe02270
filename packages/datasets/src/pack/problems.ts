export interface Problem {
  kind: string;
  count: number;
  examples: string[];
}
