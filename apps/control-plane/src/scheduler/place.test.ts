/** Decisions as tables: who is there, who asks, who gets what and why. */
import { describe, expect, test } from 'vitest';
import { anyNumerics } from '../testing/numerics.ts';
import { compareDemands, type Demand, type FleetWorker, place, placeAll } from './place.ts';

const NOW = 1_000_000;

const worker = (id: string, fields: Partial<FleetWorker> = {}): FleetWorker => ({
  id,
  address: `${id}:1`,
  pool: 'default',
  backend: 'wasm',
  numerics: anyNumerics(fields.backend ? { backend: fields.backend } : {}),
  state: 'idle',
  leaseExpiresAt: NOW + 1,
  ...fields,
});

const demand = (runId: string, fields: Partial<Demand> = {}): Demand => ({
  runId,
  priority: 50,
  submittedAt: 0,
  pool: 'default',
  minWorkers: 1,
  maxWorkers: 2,
  shards: 8,
  ...fields,
});

const idsOf = (placement: ReturnType<typeof place>) =>
  'ranks' in placement ? placement.ranks.map(({ id }) => id) : placement.wait;

describe('one run', () => {
  const three = [worker('c'), worker('a'), worker('b')];
  const cases: [string, FleetWorker[], Partial<Demand>, string[] | string][] = [
    ['as many as it may have, by id whatever the order of registration', three, {}, ['a', 'b']],
    ['all there are, where that is fewer than the most', three, { maxWorkers: 9 }, ['a', 'b', 'c']],
    ['no more ranks than shards', three, { maxWorkers: 9, shards: 2 }, ['a', 'b']],
    [
      'a minimum above the shards counts as the shards',
      three,
      { minWorkers: 4, maxWorkers: 4, shards: 2 },
      ['a', 'b'],
    ],
    [
      'nothing below the minimum: all or none',
      three,
      { minWorkers: 4, maxWorkers: 4 },
      'WAITING_FOR_WORKERS',
    ],
    ['only its own pool', [worker('a', { pool: 'gpu' }), worker('b')], {}, ['b']],
    [
      'only the backend it asks for',
      [worker('a', { backend: 'cpu' }), worker('b')],
      { backend: 'cpu' },
      ['a'],
    ],
    [
      'one backend for the whole gang: the larger gang',
      [worker('a', { backend: 'tensorflow' }), worker('b'), worker('c')],
      {},
      ['b', 'c'],
    ],
    [
      'the faster backend between gangs of the size it can use',
      [
        worker('a', { backend: 'cpu' }),
        worker('b', { backend: 'cpu' }),
        worker('c', { backend: 'tensorflow' }),
      ],
      { maxWorkers: 1 },
      ['c'],
    ],
    [
      'none that has failed lately, where there are enough others',
      [worker('a', { isCooling: true }), worker('b')],
      {},
      ['b'],
    ],
    [
      'none that has failed lately, where enough others are only busy',
      [worker('a', { isCooling: true }), worker('b', { state: 'busy' })],
      {},
      'WAITING_FOR_WORKERS',
    ],
    [
      'also those that have failed lately, where there are too few others',
      [worker('a', { isCooling: true }), worker('b')],
      { minWorkers: 2 },
      ['a', 'b'],
    ],
    ['none that is busy', [worker('a', { state: 'busy' })], {}, 'WAITING_FOR_WORKERS'],
    ['none that drains', [worker('a', { state: 'draining' })], {}, 'WAITING_FOR_WORKERS'],
    ['none that is lost', [worker('a', { state: 'lost' })], {}, 'WAITING_FOR_WORKERS'],
    ['none whose lease ends now', [worker('a', { leaseExpiresAt: NOW })], {}, 'WAITING_FOR_WORKERS'],
    ['nothing from an empty fleet', [], {}, 'WAITING_FOR_WORKERS'],
  ];
  test.each(cases)('%s', (_, fleet, fields, expected) => {
    expect(idsOf(place(NOW, fleet, demand('r', fields)))).toEqual(expected);
  });

  test('the reason names what is missing', () => {
    const waits = place(NOW, [], demand('r', { minWorkers: 2, backend: 'cpu', pool: 'lab' }));
    expect(waits).toMatchObject({ message: 'Waits for 2 idle cpu workers at once in pool "lab"' });
  });
});

describe('several runs', () => {
  const cases: [string, FleetWorker[], Demand[], Record<string, string[] | string>][] = [
    [
      'the urgent one first, whoever asked first',
      [worker('a')],
      [demand('early'), demand('urgent', { priority: 0, submittedAt: 9 })],
      { urgent: ['a'], early: 'WAITING_FOR_WORKERS' },
    ],
    [
      'the earlier of two equally urgent ones',
      [worker('a')],
      [demand('second', { submittedAt: 2 }), demand('first', { submittedAt: 1 })],
      { first: ['a'], second: 'WAITING_FOR_WORKERS' },
    ],
    [
      'no overtaking: a small run leaves the idle worker to the large one that waits for a second',
      [worker('a'), worker('b', { state: 'busy' })],
      [demand('large', { minWorkers: 2, priority: 1 }), demand('small')],
      { large: 'WAITING_FOR_WORKERS', small: 'WAITING_FOR_HIGHER_PRIORITY' },
    ],
    [
      'unless it uses workers that the waiting one cannot use',
      [worker('a'), worker('b', { state: 'busy' }), worker('c', { pool: 'gpu' })],
      [demand('large', { minWorkers: 2, priority: 1 }), demand('other', { pool: 'gpu' })],
      { large: 'WAITING_FOR_WORKERS', other: ['c'] },
    ],
    [
      'a run that wants more than the whole fleet holds nobody up',
      [worker('a')],
      [demand('huge', { minWorkers: 5, maxWorkers: 5, priority: 0 }), demand('small')],
      { huge: 'WAITING_FOR_WORKERS', small: ['a'] },
    ],
    [
      'what one leaves over goes to the next',
      [worker('a'), worker('b'), worker('c')],
      [demand('first', { priority: 1 }), demand('next')],
      { first: ['a', 'b'], next: ['c'] },
    ],
  ];
  test.each(cases)('%s', (_, fleet, demands, expected) => {
    const placements = placeAll(NOW, fleet, demands);
    expect(Object.fromEntries([...placements].map(([id, placement]) => [id, idsOf(placement)]))).toEqual(
      expected,
    );
    // The order in which the questions come does not matter.
    const reversed = placeAll(NOW, [...fleet].reverse(), [...demands].reverse());
    expect(Object.fromEntries([...reversed].map(([id, placement]) => [id, idsOf(placement)]))).toEqual(
      expected,
    );
  });
});

describe('workers that do not compute alike', () => {
  const own = { numerics: anyNumerics({ gemm: 'assemblyscript' }) };
  const wide = { numerics: anyNumerics({ threads: 2, arithmetic: 'd'.repeat(12) }) };
  const messageOf = (fleet: FleetWorker[], fields: Partial<Demand>) => {
    const placement = place(NOW, fleet, demand('r', fields));
    return 'wait' in placement ? placement.message : '';
  };

  test.each<[string, FleetWorker[], Partial<Demand>, string[] | string]>([
    ['are never one gang', [worker('a', own), worker('b')], { minWorkers: 2 }, 'WAITING_FOR_WORKERS'],
    [
      'the largest gang is taken',
      [worker('a', own), worker('b', wide), worker('c', wide)],
      { maxWorkers: 3 },
      ['b', 'c'],
    ],
    [
      'of gangs that are large enough, that of the larger group, idle or not',
      [worker('a', own), worker('b', wide), worker('c', { ...wide, state: 'busy' })],
      { maxWorkers: 1 },
      ['b'],
    ],
    [
      'of equal groups, that of the lowest id, whatever the order of registration',
      [worker('d', wide), worker('a', own), worker('b', own), worker('c', wide)],
      {},
      ['a', 'b'],
    ],
    [
      'a run goes on with the kind it began on, however small',
      [worker('a', own), worker('b', wide), worker('c', wide)],
      { numerics: own.numerics },
      ['a'],
    ],
    [
      'what only the canary shows counts as well (another CPU, another version of Node)',
      [worker('a', { numerics: anyNumerics({ text: 'e'.repeat(12) }) }), worker('b')],
      { minWorkers: 2 },
      'WAITING_FOR_WORKERS',
    ],
  ])('%s', (_, fleet, fields, expected) => {
    expect(idsOf(place(NOW, fleet, demand('r', fields)))).toEqual(expected);
  });

  test('what a run needs and what is there are said, with what to do', () => {
    const message = messageOf([worker('a'), worker('b')], { numerics: own.numerics });
    expect(message).toContain('began with gemm=assemblyscript, and the workers there have gemm=onnxruntime');
    expect(message).toContain('accept-numerics');
  });

  test('that there are enough, but of several kinds, is said', () => {
    const message = messageOf([worker('a'), worker('b', wide)], { minWorkers: 2 });
    expect(message).toContain('do not compute alike (threads=1; threads=2)');
    expect(messageOf([worker('a')], { minWorkers: 2 })).not.toContain('alike');
  });

  test('a run that waits for a kind that is not there keeps the others from nobody', () => {
    const placements = placeAll(
      NOW,
      [worker('a')],
      [demand('first', { numerics: own.numerics, priority: 0 }), demand('second')],
    );
    expect(idsOf(placements.get('first')!)).toBe('WAITING_FOR_WORKERS');
    expect(idsOf(placements.get('second')!)).toEqual(['a']);
  });

  test('a run that waits for a busy worker of its kind leaves the others to those behind it', () => {
    const placements = placeAll(
      NOW,
      [worker('a', { ...own, state: 'busy' }), worker('b')],
      [demand('first', { numerics: own.numerics, priority: 0 }), demand('second')],
    );
    expect(idsOf(placements.get('second')!)).toEqual(['b']);
  });
});

describe('a long queue', () => {
  const kinds = [{ gemm: 'onnxruntime' }, { gemm: 'own' }, { backend: 'cpu' }] as const;
  const numericsOfKind = (kind: number) => anyNumerics(kinds[kind]!);

  /** Draws as a linear congruential generator does. */
  const drawing = (seed: number) => {
    let state = seed;
    return (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
  };

  /** Run by run, each on the whole fleet: what is decided for a run does not depend on who else wanted the same. */
  const naively = (fleet: readonly FleetWorker[], demands: readonly Demand[]) => {
    const [placed, taken] = [new Map<string, unknown>(), new Set<string>()];
    const kept = new Set<string>();
    for (const one of demands.toSorted(compareDemands)) {
      const open = fleet.filter(({ id }) => !taken.has(id) && !kept.has(id));
      const placement = place(NOW, open, one);
      if ('ranks' in placement) for (const { id } of placement.ranks) taken.add(id);
      const unplaced = fleet.filter(({ id }) => !taken.has(id));
      const alone = place(NOW, unplaced, one);
      if ('wait' in placement) {
        const idle = fleet.map((each) =>
          each.state === 'busy' ? { ...each, state: 'idle' as const } : each,
        );
        if ('ranks' in place(NOW, idle, one))
          for (const each of open) {
            const isUsable = each.pool === one.pool && (one.backend ?? each.backend) === each.backend;
            const isHere = (each.state === 'idle' || each.state === 'busy') && each.leaseExpiresAt > NOW;
            const isAlike = (one.numerics ?? each.numerics).digest === each.numerics.digest;
            if (isUsable && isHere && isAlike) kept.add(each.id);
          }
      }
      const wait = 'wait' in alone ? alone.wait : 'WAITING_FOR_HIGHER_PRIORITY';
      placed.set(one.runId, 'ranks' in placement ? placement.ranks.map(({ id }) => id) : wait);
    }
    return placed;
  };

  test.each(Array.from({ length: 200 }, (_, seed) => seed))(
    'is placed as one run after the other, seed %i',
    (seed) => {
      const draw = drawing(seed + 1);
      const fleet = Array.from({ length: draw(12) }, (_, i) => {
        const kind = draw(3);
        return worker(`w${String(i).padStart(2, '0')}`, {
          pool: draw(4) === 0 ? 'gpu' : 'default',
          backend: kind === 2 ? 'cpu' : 'wasm',
          numerics: numericsOfKind(kind),
          state: (['idle', 'idle', 'busy', 'draining'] as const)[draw(4)]!,
          isCooling: draw(4) === 0,
        });
      });
      const demands = Array.from({ length: draw(25) }, (_, i) => {
        const least = 1 + draw(4);
        return demand(`r${i}`, {
          ...{ priority: draw(3), submittedAt: draw(5), minWorkers: least, maxWorkers: least + draw(3) },
          pool: draw(4) === 0 ? 'gpu' : 'default',
          ...(draw(3) === 0 && { backend: 'cpu' as const }),
          ...(draw(4) === 0 && { numerics: numericsOfKind(draw(3)) }),
        });
      });
      const placements = placeAll(NOW, fleet, demands);
      expect([...placements].map(([id, placement]) => [id, idsOf(placement)])).toEqual([
        ...naively(fleet, demands),
      ]);
    },
  );

  test('costs a look at the fleet for what is wanted, not for each run that wants it', () => {
    let looks = 0;
    const fleet = Array.from({ length: 50 }, (_, i) => ({
      ...worker(`w${i}`),
      get state() {
        looks += 1;
        return 'busy' as const;
      },
    }));
    const looksFor = (runs: number) => {
      looks = 0;
      placeAll(
        NOW,
        fleet,
        Array.from({ length: runs }, (_, i) => demand(`r${i}`, { maxWorkers: 1 + (i % 2) })),
      );
      return looks;
    };
    expect(looksFor(2000)).toBe(looksFor(2));
  });
});
