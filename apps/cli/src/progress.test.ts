import { describe, expect, it } from 'vitest';
import { ProgressDisplay, type ProgressSnapshot, renderProgress } from './progress.ts';

const training = (step: number): ProgressSnapshot => ({ phase: 'training', step, totalSteps: 100 });

describe('renderProgress', () => {
  it('shows what is known', () => {
    expect(
      renderProgress({ ...training(25), loss: 1.23456, samplesPerSecond: 210.44, etaSeconds: 65.2 }),
    ).toBe('training  █████░░░░░░░░░░░░░░░  step 25/100  loss 1.2346  210.4 samples/s  ETA 1:05');
    expect(renderProgress({ phase: 'loading', step: 0, totalSteps: 0 })).toBe('loading');
    expect(renderProgress({ ...training(100), etaSeconds: 0 })).toBe(
      'training  ████████████████████  step 100/100',
    );
  });
});

describe('ProgressDisplay on a terminal', () => {
  const terminal = (columns = 80) => {
    const output = { isTTY: true, columns, written: '', write: (text: string) => (output.written += text) };
    return output;
  };

  /** What the screen shows: `\r` and erase-line applied. */
  const screen = (written: string): string[] =>
    written.split('\n').map((line) => line.split('\r\u001b[K').at(-1)!);

  it('rewrites one line, keeps others above it, and leaves each phase', () => {
    const output = terminal();
    const display = new ProgressDisplay({ output });
    display.update({ phase: 'loading', step: 0, totalSteps: 0 });
    display.update(training(1));
    display.update(training(2));
    display.line('checkpoint');
    display.update(training(3));
    display.finish();
    display.line('done');
    const shown = (step: number): string => renderProgress(training(step));
    expect(screen(output.written)).toEqual(['loading', 'checkpoint', shown(3), 'done', '']);
    expect(output.written).toContain(`\r\u001b[K${shown(1)}\r\u001b[K${shown(2)}\r\u001b[Kcheckpoint\n`);
  });

  it('never wraps', () => {
    const output = terminal(20);
    new ProgressDisplay({ output }).update({ ...training(50), loss: 0.5 });
    expect(screen(output.written)[0]!.length).toBe(19);
  });

  it('does not write the same line again', () => {
    const output = terminal();
    const display = new ProgressDisplay({ output });
    display.update(training(1));
    const { written } = output;
    display.update(training(1));
    expect(output.written).toBe(written);
  });
});

describe('ProgressDisplay elsewhere', () => {
  it('writes the first and last line of a phase, and one each interval between', () => {
    const lines: string[] = [];
    let now = 1000;
    const display = new ProgressDisplay({
      output: { write: (text) => lines.push(text) },
      now: () => now,
      plainIntervalMs: 5000,
    });
    for (const step of [1, 2, 3, 4, 99, 100]) {
      display.update(training(step));
      now += 2000;
    }
    display.update({ phase: 'evaluating', step: 100, totalSteps: 100 });
    display.finish();
    const steps = lines.map((line) => /^(\w+) +step (\d+)/.exec(line)!.slice(1).join(' '));
    expect(steps).toEqual(['training 1', 'training 4', 'training 100', 'evaluating 100']);
    expect(lines.join('')).not.toMatch(/[█░]/);
    expect(lines.join('')).not.toContain('\r');
  });

  it('is quiet by itself, and dates what happens', () => {
    const lines: string[] = [];
    let now = 0;
    const display = new ProgressDisplay({ output: { write: (text) => lines.push(text) }, now: () => now });
    for (let step = 1; step < 100; step++, now += 1000) display.update(training(step));
    expect(lines.length).toBe(4);
    display.fact('2026-01-01T10:20:30.000Z', 'RECOVERING');
    expect(lines.at(-1)).toBe('2026-01-01 10:20:30  RECOVERING\n');
  });
});
