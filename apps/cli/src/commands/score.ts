/** triptych score: scores files of predictions against references, without a control plane. */
import { writeFile } from 'node:fs/promises';
import { invalidInput } from '@triptych/protocol';
import {
  type FileRole,
  fileRoles,
  type MissingPolicy,
  missingPolicies,
  ProblemsFound,
  type Scored,
  type ScoreFile,
  type Scorer,
  scorers,
} from '@triptych/scoring';
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext } from '../context.ts';
import { jsonText } from '../json-text.ts';
import { integer } from '../option-values.ts';
import { readScoreFile } from '../score-files.ts';
import { sampleLines, scoreReport, scoreReportText } from '../score-report.ts';

type Flags = Readonly<Record<'predictions' | 'references', string>> & {
  readonly questions?: string;
  readonly corpus?: string;
  readonly compare?: string;
  readonly missing: MissingPolicy;
  readonly resamples: number;
  readonly seed: number;
  readonly samples?: string;
  readonly json?: boolean;
};

export function register(program: Command, context: CommandContext): void {
  program
    .command('score')
    .description('score files of predictions against references, without a control plane')
    .addArgument(new Argument('<score>', 'what is scored').choices(Object.keys(scorers)))
    .requiredOption('--predictions <file>', 'what a model said')
    .requiredOption('--references <file>', 'what is right')
    .option('--questions <file>', 'of vqa: the questions, to check that the files belong together')
    .option('--corpus <file>', "of captions: references that CIDEr-D's document frequencies come from")
    .option('--compare <file>', 'other predictions for the same references: differences, paired')
    .addOption(
      new Option('--missing <what>', 'what to do about samples without a prediction')
        .choices(missingPolicies)
        .default('refuse'),
    )
    .option('--resamples <number>', 'for confidence intervals; 0: none', resampleCount, 1000)
    .option('--seed <number>', 'of the resamples', integer, 0)
    .option('--samples <file>', 'write the figures of each sample there, a line of JSON each')
    .option('--json', 'as JSON')
    .addHelpText('after', filesHelp())
    .action(async (name: string, flags: Flags) => {
      await score(scorers[name]!, flags, context);
    });
}

function resampleCount(text: string): number {
  const count = integer(text);
  if (count === 0 || (count >= 100 && count <= 100_000)) return count;
  throw new InvalidArgumentError('Give 0, or a whole number from 100 to 100000.');
}

async function score(scorer: Scorer, flags: Flags, { stdout }: CommandContext): Promise<void> {
  const { missing, resamples, seed, samples, json, compare } = flags;
  const files = await filesOf(scorer, flags);
  const scored = scoredBy(scorer, { ...files, missing });
  const other =
    compare === undefined
      ? undefined
      : scoredBy(scorer, { ...files, predictions: await readScoreFile(compare, '--compare'), missing });
  if (other) assertSameSamples(scored, other, flags);
  const report = scoreReport({
    ...{ score: scorer.name, scored, resamples, seed },
    files: Object.fromEntries(
      [...fileRoles, 'compare' as const].flatMap((role) =>
        flags[role] === undefined ? [] : [[role, flags[role]]],
      ),
    ),
    ...(other && { other }),
  });
  if (samples !== undefined) await writeFile(samples, sampleLines(scored.statistics));
  stdout.write(json ? jsonText(report) : scoreReportText(report));
}

type GivenFiles = { readonly predictions: ScoreFile; readonly references: ScoreFile } & Partial<
  Record<FileRole, ScoreFile>
>;

async function filesOf(scorer: Scorer, flags: Flags): Promise<GivenFiles> {
  const roles = scorer.files.map(({ role }) => role);
  const useless = fileRoles.filter((role) => flags[role] !== undefined && !roles.includes(role));
  if (useless.length > 0)
    throw invalidInput(
      'command line',
      useless.map((role) => ({
        path: `--${role}`,
        expected: `${roles.map((known) => `--${known}`).join(', ')} for "${scorer.name}"`,
        actual: `--${role}`,
        remedy: 'leave it out',
      })),
    );
  const found: Partial<Record<FileRole, ScoreFile>> = {};
  for (const role of roles) {
    const path = flags[role];
    if (path !== undefined) found[role] = await readScoreFile(path, `--${role}`);
  }
  return { ...found, predictions: found.predictions!, references: found.references! };
}

function scoredBy(
  scorer: Scorer,
  { missing, ...files }: GivenFiles & { readonly missing: MissingPolicy },
): Scored {
  try {
    return scorer.score(files, { missing });
  } catch (error) {
    if (error instanceof ProblemsFound) throw invalidInput('files', error.problems);
    throw error;
  }
}

/** With --missing leave-out the two may have left out different ones. */
function assertSameSamples(scored: Scored, other: Scored, { predictions, compare }: Flags): void {
  const idsOf = ({ statistics }: Scored) => JSON.stringify(statistics.map(({ perSample }) => perSample?.ids));
  if (idsOf(scored) === idsOf(other)) return;
  throw invalidInput('files', [
    {
      path: compare!,
      expected: `predictions for the samples that ${predictions} has predictions for`,
      actual: 'others',
      remedy: 'give both the same samples, or say --missing empty',
    },
  ]);
}

function filesHelp(): string {
  const lines = Object.values(scorers).flatMap(({ name, description, files }) => [
    `\n  ${name}: ${description}\n`,
    ...files.map(
      ({ role, form, optional }) => `    --${role}${optional ? ' (may be left out)' : ''}: ${form}\n`,
    ),
  ]);
  return `\nFiles:\n${lines.join('')}\nLists may also be files with a line of JSON for each entry. docs/scores.md says what each metric equals.\n`;
}
