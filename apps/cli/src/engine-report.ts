/** What `triptych engine doctor` found, for people. */
import type { BackendFinding, EngineReport } from '@triptych/nn/setup';
import { renderTable } from './table.ts';

export function engineReport({ machine, backends, auto }: EngineReport): string {
  const gib = (machine.memoryBytes / 2 ** 30).toFixed(1);
  const troubles = backends.flatMap((finding) =>
    finding.state === 'works' ? [] : [`${finding.backend}: ${withoutPrefix(finding)}`],
  );
  return [
    `machine  ${machine.cpu}, ${machine.cores} cores, ${gib} GiB, ${machine.platform}, Node ${machine.node}\n\n`,
    renderTable({
      head: ['backend', 'state', 'device', 'threads', 'matrix products', 'GFLOP/s', 'versions'],
      rows: backends.map(row),
      right: [3, 5],
    }),
    ...troubles.map((trouble) => `\n${trouble}\n`),
    `\nauto     ${autoLine(auto)}\n`,
  ].join('');
}

function row(finding: BackendFinding): string[] {
  if (finding.state !== 'works') return [finding.backend, finding.state, '', '', '', '', ''];
  const { device, threads, gemm, precision, versions = {} } = finding.description;
  return [
    finding.backend,
    'works',
    device,
    String(threads),
    precision === 'float32' ? gemm : `${gemm}, ${precision}`,
    finding.gflops.toFixed(finding.gflops < 10 ? 1 : 0),
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  ];
}

function autoLine(auto: EngineReport['auto']): string {
  if (auto.state !== 'works') return `does not work: ${auto.message}`;
  const { backend, device, gemm, fallback } = auto.description;
  const chosen = `${backend} on ${device}, matrix products by ${gemm}`;
  return fallback === undefined ? chosen : `${chosen}\nwarning  ${fallback}`;
}

/** The name of the backend stands before it anyway. */
const withoutPrefix = ({ backend, message }: Exclude<BackendFinding, { state: 'works' }>): string =>
  message.replace(`backend ${backend}: `, '');
