/** What the page Descent draws, without a page: costs are those of the library, heights and lines those of the costs. */
import { createTrainer } from 'downhill';
import { describe, expect, it } from 'vitest';
import { CELLS, fieldOf, isolines } from '../../demo/descent/field.ts';
import { LANDSCAPE_NAMES, type Landscape } from '../../demo/descent/landscapes.ts';
import { METHODS } from '../../demo/descent/methods.ts';
import { startingLandscape } from '../../demo/descent/points.ts';
import { Race, specOf } from '../../demo/descent/race.ts';
import { STORIES, storyOf } from '../../demo/descent/stories.ts';
import { marks } from '../../demo/shared/format.ts';

const settings = { rate: 0.1, adaptiveRate: 0.1, momentum: 0.9, batchSize: 5 };
const landscapes = LANDSCAPE_NAMES.map((name) => startingLandscape(name, 0.3, 1));

/** A paraboloid that no library needs to train. */
const bowl = {
  domain: [
    [-2, 4],
    [-3, 3],
  ],
  cost: ([a = 0, b = 0]) => (a - 1) ** 2 + 2 * (b + 0.5) ** 2 + 3,
} as Pick<Landscape, 'domain' | 'cost'> as Landscape;

describe.each(landscapes)('$title', (landscape) => {
  it('draws the cost that the library evaluates', async () => {
    await using trainer = await createTrainer(specOf(landscape, METHODS[0]!, settings, 1), { backend: 'cpu' });
    for (const share of [0.1, 0.37, 0.9]) {
      const position = landscape.domain.map(([low, high], i) => low + Math.abs(share - 0.2 * i) * (high - low));
      await trainer.setWeights(landscape.weightsAt(position));
      const { loss } = await trainer.evaluate(landscape.data);
      expect(Math.abs(landscape.cost(position) - loss)).toBeLessThan(1e-5 * (1 + Math.abs(loss)));
      for (const [i, value] of landscape.positionOf(await trainer.weights()).entries()) {
        expect(value).toBe(Math.fround(position[i]!));
      }
    }
  });
});

describe('a race', () => {
  it('keeps a path of every method, and thins it when it grows long', async () => {
    const [landscape] = landscapes;
    const start = [-2, -2];
    const race = await Race.create({
      landscape: landscape!,
      methods: METHODS,
      settings,
      start,
      seed: 1,
      runtime: { backend: 'cpu' },
    });
    for (let step = 0; step < 3005; step++) await race.advance();
    await race.settle();
    for (const { path, costs, steps, step, position, cost } of race.lanes) {
      expect(step).toBe(3005);
      expect(path[0]).toEqual(start);
      expect(path.length).toBe(steps.length);
      expect(costs.length).toBe(steps.length);
      expect(steps.slice(0, 3)).toEqual([0, 2, 4]);
      expect(steps.slice(-2)).toEqual([3002, 3004]);
      expect(path.length).toBeLessThan(1600);
      expect(cost).toBe(landscape!.cost(position));
      expect(cost).toBeLessThan(costs[0]!);
    }
    await race.dispose();
  });

  it('marks a method as diverged at the step whose loss is no number, and goes on with the others', async () => {
    const story = STORIES.divergence!;
    const landscape = startingLandscape('shifted', story.noise, 1);
    const methods = METHODS.filter(({ id }) => id === 'batch' || id === 'adam');
    const race = await Race.create({
      landscape,
      methods,
      settings: { ...story, rate: 3 },
      start: story.start,
      seed: 1,
      runtime: { backend: 'cpu' },
    });
    for (let step = 0; step < 200; step++) await race.advance();
    await race.settle();
    const [batch, adam] = race.lanes;
    expect(batch!.diverged).toBeGreaterThan(5);
    expect(batch!.diverged).toBeLessThan(200);
    expect(adam!.diverged).toBeUndefined();
    expect(adam!.step).toBe(200);
    await race.dispose();
  });
});

describe('a field', () => {
  const field = fieldOf(bowl);

  it('finds the lowest place', () => {
    expect(field.lowest[0]).toBeCloseTo(1, 3);
    expect(field.lowest[1]).toBeCloseTo(-0.5, 3);
    expect(field.lowestCost).toBeCloseTo(3, 6);
  });

  it('has heights from 0 to 1 that rise with the cost', () => {
    expect(Math.max(...field.heights)).toBeCloseTo(1, 6);
    expect(Math.min(...field.heights)).toBeGreaterThanOrEqual(0);
    expect(field.height(3)).toBe(0);
    expect(field.height(4)).toBeLessThan(field.height(5));
    const at = 7 * (CELLS + 1) + 11;
    const position = [-2 + (11 / CELLS) * 6, -3 + (7 / CELLS) * 6];
    expect(field.heights[at]).toBeCloseTo(field.height(bowl.cost(position)), 6);
  });

  it('has lines of equal cost', () => {
    const level = 0.5;
    const ends = isolines(field, level);
    expect(ends.length).toBeGreaterThan(400);
    for (let i = 0; i < ends.length; i += 2) {
      const cost = bowl.cost([-2 + (ends[i]! / CELLS) * 6, -3 + (ends[i + 1]! / CELLS) * 6]);
      expect(Math.abs(field.height(cost) - level)).toBeLessThan(0.001);
    }
  });
});

describe('marks of an axis', () => {
  it.each([
    [[-3, 4], 6, [-2, 0, 2]],
    [[0, 1], 5, [0.2, 0.4, 0.6, 0.8]],
    [[-3.5, 3.5], 6, [-2, 0, 2]],
  ] as [[number, number], number, number[]][])('%j → %j', (range, count, expected) => {
    expect(marks(range, count)).toEqual(expected);
  });
});

describe('an address', () => {
  it('is a story by its name, or the first one', () => {
    expect(storyOf({ story: 'noise' })).toEqual({ id: 'noise', story: STORIES.noise });
    expect(storyOf({ story: 'toString' }).id).toBe('valley');
    expect(storyOf({}).id).toBe('valley');
  });

  it('is settings of one’s own, as far as they make sense', () => {
    const asked = { on: 'rosenbrock', start: '-1.5,0.25', rate: '0.001', momentum: 'much', methods: 'batch,adam' };
    const { id, story } = storyOf(asked);
    expect(id).toBeUndefined();
    expect(story).toMatchObject({
      landscape: 'rosenbrock',
      start: [-1.5, 0.25],
      rate: 0.001,
      methods: ['batch', 'adam'],
    });
    expect(story.momentum).toBe(STORIES.valley!.momentum);
  });
});
