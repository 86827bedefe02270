/**
 * The house rules that a compiler cannot check: who may import whom, and that no room has a back door.
 * A new package is registered here, or this test fails.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * What each package may import of the others. `models/catalog`, `training/catalog`, `nn/safetensors` and `nn/setup` are the tensor-free
 * subpaths;
 * the command line uses the last one to install and examine tensor engines, and `training/parity` to compare with golden
 * cases; both start processes of their own for what needs tensors.
 */
const allowed: Record<string, readonly string[]> = {
  protocol: [],
  scoring: [],
  runtime: ['protocol'],
  storage: ['protocol'],
  nn: ['protocol'],
  datasets: ['protocol'],
  collective: ['protocol'],
  client: ['protocol'],
  models: ['protocol', 'nn', 'nn/safetensors', 'datasets'],
  training: [
    'protocol',
    'nn',
    'nn/safetensors',
    'models',
    'models/catalog',
    'datasets',
    'collective',
    'scoring',
    'storage',
  ],
  worker: ['protocol', 'runtime', 'storage', 'collective', 'training', 'nn'],
  'control-plane': [
    'protocol',
    'runtime',
    'storage',
    'datasets',
    'scoring',
    'models/catalog',
    'training/catalog',
    'nn/safetensors',
  ],
  cli: ['protocol', 'client', 'datasets', 'nn/setup', 'training/parity', 'training/catalog'],
};

/** Tensor-free subpaths: they may import nothing that loads TensorFlow.js. */
const catalogs = [
  'packages/models/src/catalog',
  'packages/training/src/catalog',
  'packages/training/src/parity/launch',
  'packages/nn/src/setup',
  'packages/nn/src/safetensors',
];

interface SourceFile {
  readonly path: string;
  readonly pkg: string;
  readonly imports: readonly string[];
  /** Without those that the compiler erases. */
  readonly loaded: readonly string[];
  readonly lines: number;
}

const sources = readSources();

describe('layers', () => {
  test('every package is registered', () => {
    const packages = new Set(sources.map((source) => source.pkg));
    expect([...packages].filter((name) => !(name in allowed))).toEqual([]);
    expect(packages.size).toBe(Object.keys(allowed).length);
  });

  test('imports between packages go one way', () => {
    const wrong = sources
      .filter((source) => !isTest(source.path))
      .flatMap((source) =>
        source.imports
          .map((specifier) => /^@triptych\/(.+)$/.exec(specifier)?.[1])
          .filter((target) => target !== undefined)
          .filter((target) => !allowed[source.pkg]?.includes(target))
          .map((target) => `${source.path} imports ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  test('relative imports stay inside their package, and nothing imports its own index.ts', () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => relative(root, resolve(root, dirname(source.path), specifier)))
        .filter((target) => {
          const home = source.path.split(sep).slice(0, 3).join(sep);
          // A test may look at its package from outside.
          const ownIndex = target === join(home, 'index.ts') && !isTest(source.path);
          return !target.startsWith(home + sep) || ownIndex;
        })
        .map((target) => `${source.path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test('the catalogs that the control plane reads are free of tensors', () => {
    const byPath = new Map(sources.map((source) => [source.path, source]));
    const wrong: string[] = [];
    const seen = new Set<string>();
    const queue = sources.filter((source) =>
      catalogs.some((catalog) => source.path.startsWith(catalog + sep)),
    );
    for (const source of queue.filter((candidate) => !isTest(candidate.path))) visit(source);
    expect(wrong).toEqual([]);

    function visit(source: SourceFile): void {
      if (seen.has(source.path)) return;
      seen.add(source.path);
      for (const specifier of source.loaded) {
        if (
          specifier.startsWith('@tensorflow/') ||
          specifier === '@triptych/nn' ||
          specifier === '@triptych/models'
        )
          wrong.push(`${source.path} imports ${specifier}`);
        if (!specifier.startsWith('.') || isDoor(source, specifier)) continue;
        const target = byPath.get(relative(root, resolve(root, dirname(source.path), specifier)));
        if (target) visit(target);
      }
    }
  });

  /** A card names the half of its architecture, or objective, that has tensors, and loads it when it is asked to. */
  function isDoor({ path }: SourceFile, specifier: string): boolean {
    return path.endsWith(`${sep}card.ts`) && ['./model.ts', './objective.ts'].includes(specifier);
  }

  test('names say what is in a file', () => {
    const banned = /^(utils?|common|helpers?|misc|base|data|info|manager|process[A-Z].*)\.ts$/;
    expect(
      sources.map((source) => source.path).filter((path) => banned.test(path.split(sep).at(-1)!)),
    ).toEqual([]);
  });

  test('files are short: none above 400 lines, median at most 120', () => {
    expect(sources.filter((source) => source.lines > 400).map((source) => source.path)).toEqual([]);
    const lines = sources.map((source) => source.lines).sort((a, b) => a - b);
    expect(lines[Math.floor(lines.length / 2)]).toBeLessThanOrEqual(120);
  });
});

function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.includes(`${sep}testing${sep}`);
}

function readSources(): SourceFile[] {
  return ['packages', 'apps'].flatMap((top) =>
    readdirSync(join(root, top)).flatMap((pkg) =>
      (readdirSync(join(root, top, pkg, 'src'), { recursive: true }) as string[])
        .filter((path) => path.endsWith('.ts') && !path.split(sep).includes('generated'))
        .map((path) => {
          const text = readFileSync(join(root, top, pkg, 'src', path), 'utf8');
          const imports = importsIn(text);
          const loaded = importsIn(text.replaceAll(/\b(?:import|export) type [^;]*;/g, ''));
          return {
            path: join(top, pkg, 'src', path),
            pkg,
            imports,
            loaded,
            lines: text.split('\n').length - 1,
          };
        }),
    ),
  );
}

function importsIn(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!);
}
