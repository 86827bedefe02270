/** Retrieval of images and texts by features, or by scores of all pairs. */
import { readReferenceCaptions } from '../files/coco-captions.ts';
import { ProblemLog } from '../files/problems.ts';
import { type ScoreFile, type ScoreFiles, Tensors } from '../files/score-file.ts';
import { agree, float32, indices, tensorIn, wantedTensor } from '../files/tensor-file.ts';
import { metricCards } from '../metrics.ts';
import { retrievalRanks, retrievalStatistics } from '../retrieval/retrieval.ts';
import { matrixRows, type PairScores, similarityRows } from '../retrieval/similarity.ts';
import { unitRows } from '../retrieval/unit-rows.ts';
import type { Scorer } from './scorer.ts';

export const retrievalScorer: Scorer = {
  name: 'retrieval',
  description:
    'finding the image of a text, and the texts of an image: recall at 1, 5, 10, median and mean rank',
  files: [
    {
      role: 'predictions',
      form: 'safetensors with "image_features" [images, width] and "text_features" [texts, width], of any length; or "scores" [texts, images]',
    },
    {
      role: 'references',
      form: 'safetensors with "text_image_index" [texts], the image of each text; or COCO captions whose images and annotations are in the order of the features',
    },
  ],
  metrics: metricCards(
    ...(['image_retrieval_recall@1', 'image_retrieval_recall@5', 'image_retrieval_recall@10'] as const),
    ...(['text_retrieval_recall@1', 'text_retrieval_recall@5', 'text_retrieval_recall@10'] as const),
    ...(['image_retrieval_median_rank', 'image_retrieval_mean_rank'] as const),
    ...(['text_retrieval_median_rank', 'text_retrieval_mean_rank'] as const),
  ),
  score(files) {
    const problems = new ProblemLog();
    const { scores, texts } = pairScores(files.predictions, problems);
    const imageOfText = imagesOfTexts(files, { images: scores?.images, texts }, problems);
    problems.throwIfAny();
    const ranks = retrievalRanks({ scores: scores!, imageOfText: imageOfText! });
    return {
      statistics: retrievalStatistics(ranks, imageOfText!),
      clusters: { what: 'image', count: scores!.images },
      notes: [],
    };
  },
};

function pairScores(
  file: ScoreFile,
  problems: ProblemLog,
): { readonly scores?: PairScores; readonly texts?: number } {
  const matrix = tensorIn(file, 'scores');
  if (matrix?.shape.length === 2)
    return { scores: matrixRows(float32(matrix), matrix.shape[1]!), texts: matrix.shape[0]! };
  const images = wantedTensor(file, { name: 'image_features', dimensions: ['images', 'width'] }, problems);
  const texts = wantedTensor(file, { name: 'text_features', dimensions: ['texts', 'width'] }, problems);
  if (!images || !texts) return {};
  const width = images.shape[1]!;
  agree([texts.shape[1], width], { file, what: 'text features as wide as image features' }, problems);
  const rows = (features: Float32Array) => unitRows(features, width);
  return {
    scores: similarityRows(rows(float32(texts)), rows(float32(images)), width),
    texts: texts.shape[0]!,
  };
}

function imagesOfTexts(
  { references: file }: ScoreFiles,
  { images, texts }: { readonly images: number | undefined; readonly texts: number | undefined },
  problems: ProblemLog,
): Int32Array | undefined {
  if (file.content instanceof Tensors) {
    const name = 'text_image_index';
    const tensor = wantedTensor(file, { name, dimensions: ['texts'] }, problems);
    agree([tensor?.shape[0], texts], { file, what: 'an image for each text' }, problems);
    return tensor && images !== undefined
      ? indices(tensor, { file, name, count: images }, problems)
      : undefined;
  }
  const known = readReferenceCaptions(file, problems);
  agree([known.ids.length, images], { file, what: 'as many images as there are features' }, problems);
  agree([known.order.length, texts], { file, what: 'as many captions as there are features' }, problems);
  return known.order;
}
