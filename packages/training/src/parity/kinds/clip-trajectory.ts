/** Many training steps of a CLIP on given batches: loss, gradient norm and logit scale of each, norms at the end. */
import { parseConfig } from '@triptych/models';
import { type GoldenCase, integersOf } from '@triptych/nn';
import { learningRateAt } from '../../schedule.ts';
import { namedTolerance, recordOf, statedTolerance } from '../case-tolerance.ts';
import { ExpectedResults } from '../expected-results.ts';
import { hasInputs, type ParityKind } from '../kind.ts';
import { ClipUnderTest, optimizerOf } from './clip-under-test.ts';

export const clipTrajectory: ParityKind = {
  name: 'clip-trajectory',
  recognises: (golden) => hasInputs(golden, 'pixels_u8', 'input_ids'),
  async check(golden) {
    const { about } = golden;
    const settings = recordOf(about['config']);
    // "../clip-quickgelu (config.json, model.safetensors)"
    const base = golden.beside(String(settings['model']).split(' ')[0]!);
    const inputs = golden.tensors('inputs.safetensors').tensors;
    const [bytes, tokens] = [inputs.get('pixels_u8')!, integersOf(inputs.get('input_ids')!)];
    const steps = bytes.shape[0]!;
    const pixels = pixelValues(golden, bytes.float32());
    const expected = new ExpectedResults(golden);
    using model = new ClipUnderTest(parseConfig(base.config), base.weights);
    const schedule = {
      schedule: { kind: scheduleOf(settings), warmupSteps: Number(settings['warmupSteps'] ?? 0) },
      peak: Number(settings['peakLearningRate']),
      totalSteps: steps,
    };
    const found = {
      loss: [] as number[],
      grad_norm: [] as number[],
      learning_rate: [] as number[],
      logit_scale: [] as number[],
    };
    for (let step = 0; step < steps; step++) {
      const learningRate = learningRateAt(step, schedule);
      const slice = <T extends Float32Array | Int32Array>(all: T) =>
        all.slice((step * all.length) / steps, ((step + 1) * all.length) / steps) as T;
      const batch = { pixels: slice(pixels), ids: slice(tokens) };
      const { loss, gradientNorm } = await model.step(batch, { learningRate, optimizer: optimizerOf(about) });
      found.loss.push(loss);
      found.grad_norm.push(gradientNorm);
      found.learning_rate.push(learningRate);
      found.logit_scale.push(model.logitScale);
    }
    const toleranceOf = (name: string) => namedTolerance(about, name) ?? statedTolerance(about, name);
    for (const [name, values] of Object.entries(found))
      expected.numbers(name, values, { tolerance: toleranceOf(name) });
    for (const [name, values] of model.parameters())
      expected.numbers(`final_norm.${name}`, [norm(values)], { tolerance: toleranceOf('final_norm') });
    return expected.checks();
  },
};

const norm = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** "[steps, batch, 3, H, W] bytes; pixel_values = (byte - 128) / 64, exact in float32": the case says how bytes are meant. */
function pixelValues({ about }: GoldenCase, bytes: Float32Array): Float32Array {
  const { meaning } = recordOf(recordOf(about['inputs'])['pixels_u8']);
  const [, centre = '128', scale = '64'] = /\(byte - ([\d.]+)\) \/ ([\d.]+)/.exec(String(meaning)) ?? [];
  return bytes.map((byte) => (byte - Number(centre)) / Number(scale));
}

/** In words, with the formula. */
const scheduleOf = ({ schedule }: Readonly<Record<string, unknown>>): 'cosine' | 'constant' =>
  schedule === undefined || /cos\b|cosine/i.test(String(schedule)) ? 'cosine' : 'constant';
