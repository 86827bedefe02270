/** What is said to someone who named a model that is not there, or one without weights. */
import { type Model, show, type Violation } from '@triptych/protocol';

/** `model` is what was found under `name`. Empty where it has weights. */
export function nameless(path: string, model: Model | undefined, name: string): Violation[] {
  if (model?.artifact !== undefined) return [];
  return [
    {
      path,
      expected: 'the id or name of an imported or trained model',
      actual: model ? `the preset "${name}", which has no weights` : show(name),
      remedy: 'see GET /v1/models',
    },
  ];
}
