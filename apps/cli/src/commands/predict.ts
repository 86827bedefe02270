/** triptych predict: ask a trained or imported model about pictures. */
import type { Prediction, PredictionRequest, TextPredictionRequest } from '@triptych/protocol';
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { findModel } from '../find-model.ts';
import { jsonText } from '../json-text.ts';
import { integer, number, positiveInteger } from '../option-values.ts';
import { type PredictFlags, predictionRequest } from '../prediction-request.ts';
import { renderTable } from '../table.ts';

export function register(program: Command, context: CommandContext): void {
  program
    .command('predict')
    .description('ask a trained or imported model about pictures')
    .argument('<run or model>', 'id or name of a model, or id or name of the run that trained it')
    .option('--image <file...>', 'picture files')
    .option('--labels <a,b,c>', 'which of these labels the picture has')
    .option('--template <text...>', 'with --labels: sentences with {} for the label')
    .option('--captions <text...>', 'which of these captions fits the picture best')
    .option('--text <text>', 'which of the pictures fits this text best')
    .option('--caption', 'a caption of the picture')
    .option('--question <text>', 'a short answer; with --labels, one of these')
    .option('--chat <text>', "the assistant's answer")
    .option('--shots <file>', 'JSON list of demonstrations, shown before the question')
    .option('--max-tokens <number>', 'of a text', positiveInteger)
    .option('--temperature <number>', '0 (default): always the likeliest token', number)
    .option('--beams <number>', 'beam search', positiveInteger)
    .option('--seed <number>', 'of drawn tokens', integer)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nDemonstrations: [{"image": "a.png", "caption": "..."}] for --caption, for --question [{"images": ["a.png"], "question": "...", "answer": "..."}]; paths are relative to the list.\n',
    )
    .action(async (id: string, flags: PredictFlags & { readonly json?: boolean }) => {
      const request = await predictionRequest('', flags);
      const { id: model } = await findModel(context, id);
      await ask(context, { ...request, model }, flags.json ?? false);
    });
}

async function ask(context: CommandContext, request: PredictionRequest, json: boolean): Promise<void> {
  const { predictions } = context.client();
  const { signal, stdout } = context;
  if (json || !isText(request)) {
    const prediction = await predictions.create(request, { signal });
    stdout.write(json ? jsonText(prediction) : rankingTable(prediction));
    return;
  }
  for await (const event of predictions.stream(request, { signal }))
    if (event.type === 'text') stdout.write(event.text);
  stdout.write('\n');
}

const isText = (request: PredictionRequest): request is TextPredictionRequest =>
  request.kind === 'caption' || request.kind === 'answer' || request.kind === 'chat';

function rankingTable(prediction: Prediction): string {
  if (!('ranking' in prediction)) return `${prediction.text}\n`;
  const { ranking, measure } = prediction;
  return renderTable({
    head: ['candidate', 'probability', measure],
    rows: ranking.map(({ index, text, probability, score }) => [
      text ?? `picture ${index + 1}`,
      `${(100 * probability).toFixed(1)} %`,
      score.toFixed(3),
    ]),
    right: [1, 2],
  });
}
