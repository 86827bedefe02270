/** Parameters just as a file has them, for parts of a model that have no configuration of their own. */
import { ParameterLayout, Parameters, type SafetensorsFile } from '@triptych/nn';

/** The caller disposes them. */
export function parametersOfFile({ tensors }: SafetensorsFile): Parameters {
  const layout = new ParameterLayout(
    [...tensors].map(([name, { shape }]) => ({ key: name, shape, parts: [{ name, shape }], decay: false })),
  );
  const flat = new Float32Array(layout.length);
  for (const { key, offset } of layout.specs) flat.set(tensors.get(key)!.float32(), offset);
  return new Parameters(layout, flat);
}
