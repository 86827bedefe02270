/** Quotation marks as the Penn Treebank writes them: ` and ' for single ones, `` and '' for double ones. */
const written: readonly (readonly [marks: RegExp, as: string])[] = [
  [/&apos;/g, "'"],
  [/"|&quot;/g, "''"],
  [/[\u0091\u2018\u201B\u2039]/g, '`'],
  [/[\u0092\u2019\u203A]/g, "'"],
  [/[\u0093\u201C\u00AB]/g, '``'],
  [/[\u0094\u201D\u00BB]/g, "''"],
];

export const quoted = (text: string): string =>
  written.reduce((result, [marks, as]) => result.replace(marks, as), text);
