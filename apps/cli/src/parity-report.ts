/** What comparing with golden cases found, for people. */
import type { CaseReport, Check } from '@triptych/training/parity';
import { renderTable } from './table.ts';

/** One case: a line for every result. */
export function caseReport(report: CaseReport): string {
  const head = `\n${titleOf(report)}\n`;
  if (report.state !== 'compared') return `${head}  ${report.message}\n`;
  const table = renderTable({
    head: ['result', 'largest error', 'relative', 'tolerance', ''],
    rows: report.checks.map(row),
    right: [1, 2],
  });
  return head + table;
}

/** The end: one line for each case. */
export function paritySummary(reports: readonly CaseReport[]): string {
  const rows = reports.map((report) => {
    if (report.state !== 'compared')
      return [report.case, '', '', report.state === 'failed' ? 'FAILED' : 'not a known kind'];
    const outside = report.checks.filter(({ within }) => !within).length;
    const verdict = outside === 0 ? 'within tolerance' : `${outside} of ${report.checks.length} OUTSIDE`;
    return [report.case, `${report.checks.length} results`, worstOf(report.checks), verdict];
  });
  return `\n${renderTable({ head: ['case', 'compared', 'nearest to its limit', ''], rows })}`;
}

const titleOf = (report: CaseReport): string =>
  report.state === 'unknown' ? report.case : `${report.case} (${report.kind})`;

function row(check: Check): string[] {
  const verdict = check.within ? 'ok' : 'OUTSIDE';
  switch (check.kind) {
    case 'numbers': {
      const { relative, absolute } = check.tolerance;
      const tolerance = `${short(check.allowed)} = ${short(relative)} x largest + ${short(absolute)}`;
      return [check.name, short(check.largestAbsolute), short(check.largestRelative), tolerance, verdict];
    }
    case 'exact': {
      const equal = `${check.items - check.different} of ${check.items} equal`;
      return [check.name, equal, '', 'exact', check.note ? `${verdict}: ${check.note}` : verdict];
    }
    case 'missing':
      return [check.name, '', '', '', 'NOT COMPUTED'];
  }
}

/** The result that uses most of what it is allowed. */
function worstOf(checks: readonly Check[]): string {
  let worst: { readonly name: string; readonly share: number } | undefined;
  for (const check of checks) {
    if (check.kind !== 'numbers') continue;
    const share = check.largestAbsolute === 0 ? 0 : check.largestAbsolute / check.allowed;
    if (worst === undefined || share > worst.share) worst = { name: check.name, share };
  }
  return worst === undefined
    ? 'exact results only'
    : `${(100 * worst.share).toPrecision(2)} %: ${worst.name}`;
}

const short = (value: number): string => {
  if (value === 0) return '0';
  return Number.isFinite(value) ? value.toExponential(1) : 'infinite';
};
