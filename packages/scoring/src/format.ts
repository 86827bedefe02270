/** How a score is written for people: the one place, for the command line and the page, which loads this file as it is. */

/** `ratio`: a part of 1, shown as a percentage. `number`: as it is; CIDEr-D 1.12 is not 112 %. */
export type Unit = 'ratio' | 'number';

export interface ShownScore {
  readonly unit: Unit;
  /** Written where there is no value. */
  readonly absent?: string;
}

export function formatScore(value: number | undefined, { unit, absent = '-' }: ShownScore): string {
  if (value === undefined || Number.isNaN(value)) return absent;
  return unit === 'ratio' ? `${(100 * value).toFixed(1)} %` : value.toFixed(3);
}

/** The difference of two scores, with its sign; of two ratios in percentage points. */
export function formatDifference(value: number | undefined, { unit, absent = '-' }: ShownScore): string {
  if (value === undefined || Number.isNaN(value)) return absent;
  const text = unit === 'ratio' ? `${(100 * value).toFixed(2)} pp` : value.toFixed(3);
  return value < 0 ? text : `+${text}`;
}
