/** CLIPScore of features. */
import { clipScoreStatistics } from '../clip-score.ts';
import { ProblemLog } from '../files/problems.ts';
import { agree, float32, indices, tensorIn, wantedTensor } from '../files/tensor-file.ts';
import { metricCards } from '../metrics.ts';
import type { Scorer } from './scorer.ts';

export const clipScoreScorer: Scorer = {
  name: 'clip-score',
  description: 'how well captions go with images, by the features of a CLIP: CLIPScore and RefCLIPScore',
  files: [
    { role: 'predictions', form: 'safetensors with "caption_features" [samples, width]' },
    {
      role: 'references',
      form: 'safetensors with "image_features" [samples, width]; for RefCLIPScore also "reference_features" [references, width] and "reference_index" [references], the sample of each',
    },
  ],
  metrics: metricCards('clip_score', 'ref_clip_score'),
  score({ predictions, references }) {
    const problems = new ProblemLog();
    const rows = (name: string, of: string) => ({ name, dimensions: [of, 'width'] });
    const captions = wantedTensor(predictions, rows('caption_features', 'samples'), problems);
    const images = wantedTensor(references, rows('image_features', 'samples'), problems);
    agree(
      [images?.shape[0], captions?.shape[0]],
      { file: references, what: 'an image for each caption' },
      problems,
    );
    agree(
      [images?.shape[1], captions?.shape[1]],
      { file: references, what: 'images as wide as captions' },
      problems,
    );
    const given =
      tensorIn(references, 'reference_features') &&
      wantedTensor(references, rows('reference_features', 'references'), problems);
    const index =
      given && wantedTensor(references, { name: 'reference_index', dimensions: ['references'] }, problems);
    agree(
      [given?.shape[1], captions?.shape[1]],
      { file: references, what: 'references as wide as captions' },
      problems,
    );
    agree(
      [index?.shape[0], given?.shape[0]],
      { file: references, what: 'a sample for each reference' },
      problems,
    );
    const count = captions?.shape[0] ?? 0;
    const sampleOf = index && indices(index, { file: references, name: 'reference_index', count }, problems);
    if (sampleOf && new Set(sampleOf).size < count)
      problems.add({
        path: references.name,
        expected: `a reference for each of ${count} samples`,
        actual: `for ${new Set(sampleOf).size} of them`,
        remedy: 'leave the others out of all files, or leave "reference_features" out',
      });
    problems.throwIfAny();
    return {
      statistics: clipScoreStatistics({
        width: captions!.shape[1]!,
        images: float32(images!),
        captions: float32(captions!),
        ...(given && sampleOf && { references: { features: float32(given), sampleOf } }),
      }),
      clusters: { what: 'sample', count },
      notes: [],
    };
  },
};
