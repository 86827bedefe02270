/** The chat templates that are known by name, as data. `{bos}` and `{eos}` stand for the tokenizer's own tokens. */

/** How a conversation is written: `{system}`, `{text}` and `{images}` are filled in, the rest stands as it is. */
export interface WrittenTemplate {
  readonly kind: 'written';
  readonly name: string;
  /** What `{system}` is where the conversation has no system turn; empty: nothing is written for it. */
  readonly defaultSystem: string;
  /** Around the system text; written before the first user turn, or where that turn says `{system}`. */
  readonly system: string;
  /** One user turn. `{images}` alone: of the turn only its images are used. */
  readonly user: string;
  /** Ends a prompt: the model goes on from here. */
  readonly prompt: string;
  /** The answer, with the space before it. */
  readonly answer: string;
  /** Ends the answer, and is learnt with it. */
  readonly end: string;
  /** Between an answer and the next user turn. */
  readonly between: string;
}

/** haotian-liu/LLaVA, conversation.py: conv_vicuna_v1. */
const vicuna_v1: WrittenTemplate = {
  kind: 'written',
  name: 'vicuna_v1',
  defaultSystem:
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions.",
  system: '{system} ',
  user: 'USER: {text} ',
  prompt: 'ASSISTANT:',
  answer: ' {text}',
  end: '{eos}',
  between: '',
};

/** LLaVA's first stage (preprocess_plain): the image and its caption; the instruction of the user turn is left out. */
const plain: WrittenTemplate = {
  kind: 'written',
  name: 'plain',
  defaultSystem: '',
  system: '',
  user: '{images}',
  prompt: '',
  answer: '{text}',
  end: '\n',
  between: '',
};

/** conv_llava_llama_2. Every turn but the first begins with the start token; before the first the tokenizer puts it. */
const llama_2: WrittenTemplate = {
  kind: 'written',
  name: 'llama_2',
  defaultSystem:
    'You are a helpful language and vision assistant. You are able to understand the visual content that the user provides, and assist the user with a variety of tasks using natural language.',
  system: '<<SYS>>\n{system}\n<</SYS>>\n\n',
  user: '[INST] {system}{text} [/INST]',
  prompt: '',
  answer: ' {text} ',
  end: '{eos}',
  between: '{bos}',
};

/** ChatML. The line break after an answer's end is written and not learnt. */
const chatml: WrittenTemplate = {
  kind: 'written',
  name: 'chatml',
  defaultSystem: '',
  system: '<|im_start|>system\n{system}<|im_end|>\n',
  user: '<|im_start|>user\n{text}<|im_end|>\n',
  prompt: '<|im_start|>assistant\n',
  answer: '{text}',
  end: '<|im_end|>',
  between: '\n',
};

export const writtenTemplates = { vicuna_v1, plain, llama_2, chatml } as const;
export type WrittenTemplateName = keyof typeof writtenTemplates;
