/** The page Descent: methods of the library race down a cost surface, from a start that the person drags. */

import { readAddress, writeAddress } from '../shared/address.ts';
import { element, make, onArrows, onDrag, onFrame } from '../shared/dom.ts';
import { brief, place as coordinate, count } from '../shared/format.ts';
import { LinePlot } from '../shared/line_plot.ts';
import { choosePlace, type Place } from '../shared/place.ts';
import { Slider } from '../shared/slider.ts';
import { color, onThemeChange } from '../shared/theme.ts';
import { Transport } from '../shared/transport.ts';
import { ContourPlot } from './contour_plot.ts';
import { CurvePlot } from './curve_plot.ts';
import { DataPlot } from './data_plot.ts';
import { fieldOf } from './field.ts';
import {
  LANDSCAPE_NAMES,
  type Landscape,
  type LandscapeName,
  onPoints,
  type Position,
  parametersOf,
  titleOf,
} from './landscapes.ts';
import { Legend } from './legend.ts';
import { METHODS } from './methods.ts';
import { startingLandscape, startingPoints } from './points.ts';
import { Race } from './race.ts';
import { STORIES, type Story, storyOf } from './stories.ts';
import { SurfacePlot } from './surface_plot.ts';
import { isTiny } from './tiny.ts';
import '../shared/style.css';
import './descent.css';

/** Milliseconds that a slider rests before the race begins anew. */
const PAUSE = 200;
const SEED = 1;
/** Radians that an arrow key turns the surface by. */
const TURN = 0.08;

const picture = element<HTMLCanvasElement>('picture');
const surfaceCanvas = element<HTMLCanvasElement>('surface');
const select = element<HTMLSelectElement>('landscape');
const sliders = {
  rate: new Slider('rate', restartSoon),
  adaptiveRate: new Slider('adaptive-rate', restartSoon),
  batchSize: new Slider('batch-size', restartSoon, (rows) => `${rows} rows`),
  momentum: new Slider('momentum', restartSoon),
  noise: new Slider('noise', () => changeLandscape(true)),
};
const speed = new Slider(
  'speed',
  () => {},
  (steps) => `${brief(steps)} steps/s`,
);
const legend = new Legend(restartSoon);
const points = new DataPlot(element('points'), usePoints, () => changeLandscape(false));
const costs = new LinePlot('cost-curve', { logarithmic: true, lines: lines() }, costData);
const draw = onFrame(drawNow);

let where: Place | undefined;
let landscape: Landscape;
let start: Position = [0, 0];
let flat: ContourPlot | CurvePlot;
let surface: SurfacePlot | undefined;
let race: Race | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

const transport = new Transport({
  start: run,
  pause: () => void race?.pause(),
  step: async () => {
    await race?.advance();
    await race?.settle();
    transport.state = 'paused';
    draw();
  },
  reset: restart,
});

function lines() {
  return METHODS.map(({ id, label }) => ({ label, stroke: () => color(`method-${id}`) }));
}

function costData(): [number[], ...(number | null)[][]] {
  const lanes = race?.lanes ?? [];
  const longest = lanes.reduce<number[]>((most, { steps }) => (steps.length > most.length ? steps : most), []);
  const columns = METHODS.map(({ id }) => {
    const own = lanes.find(({ method }) => method.id === id)?.costs;
    // A cost of 0 has no place on a logarithmic scale.
    return longest.map((_, i) => own?.[i] || null);
  });
  return [longest, ...columns];
}

function settings() {
  const { rate, adaptiveRate, batchSize, momentum } = sliders;
  return {
    rate: rate.value,
    adaptiveRate: adaptiveRate.value,
    batchSize: batchSize.value,
    momentum: momentum.value,
  };
}

/** The landscape of the rows as they are, at once and without a race: while a point is dragged. */
function usePoints(): void {
  const name = select.value as LandscapeName;
  landscape = isTiny(name) ? onPoints(name, points.samples) : startingLandscape(name, sliders.noise.value, SEED);
  const two = landscape.names.length === 2;
  document.body.dataset.parameters = String(landscape.names.length);
  document.body.dataset.points = String(isTiny(name));
  const kept = surface?.view;
  if (two) {
    const field = fieldOf(landscape);
    flat = new ContourPlot(picture, landscape, field);
    surface = new SurfacePlot(surfaceCanvas, landscape, field);
    if (kept) surface.view = kept;
  } else {
    flat = new CurvePlot(picture, landscape);
    surface = undefined;
  }
  draw();
}

/** Another landscape, or other points of it; with `fresh`, the points it starts with. */
function changeLandscape(fresh: boolean): void {
  const name = select.value as LandscapeName;
  if (fresh && isTiny(name)) points.samples = startingPoints(name, sliders.noise.value, SEED);
  usePoints();
  if (start.length !== landscape.names.length) start = landscape.domain.map(([low, high]) => low + 0.2 * (high - low));
  restartSoon();
}

function tell(story: Story): void {
  select.value = story.landscape;
  for (const [name, slider] of Object.entries(sliders)) slider.value = story[name as keyof typeof sliders];
  legend.choose(story.methods);
  start = story.start;
  element('story-text').textContent = story.text;
  changeLandscape(true);
}

function markStory(id: string | undefined): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('#stories button')) {
    button.setAttribute('aria-pressed', String(button.dataset.story === id));
  }
}

function restartSoon(): void {
  clearTimeout(timer);
  writeAddress(address());
  timer = setTimeout(() => transport.inTurn(restart), PAUSE);
}

/** All methods back at the start, with the settings of now; goes on where that is wanted. */
async function restart(): Promise<void> {
  clearTimeout(timer);
  timer = undefined;
  const old = race;
  race = undefined;
  await old?.dispose();
  if (!where) return;
  if (!transport.wanted) transport.state = 'starting';
  race = await Race.create({
    landscape,
    methods: legend.chosen,
    settings: settings(),
    start,
    seed: SEED,
    runtime: where.runtime,
  });
  document.body.dataset.run = String(Number(document.body.dataset.run ?? 0) + 1);
  document.body.dataset.step = '0';
  costs.restyle({ logarithmic: flat.lowestCost >= 0 });
  transport.state = 'ready';
  draw();
  if (transport.wanted) run();
}

function run(): void {
  const current = race;
  if (!current || current.running) return;
  transport.state = 'running';
  draw();
  current
    .run(() => speed.value, draw)
    .then(() => {
      if (current !== race) return;
      transport.wanted = false;
      transport.state = 'paused';
    })
    .catch((error) => {
      if (current === race) transport.fail(error);
    });
}

/** Draws what came back last. */
function drawNow(): void {
  const lanes = race?.lanes ?? [];
  document.body.dataset.step = String(race?.step ?? 0);
  element('step-count').textContent =
    transport.state === 'running' && !race?.step ? '0, compiling …' : count(race?.step ?? 0);
  const at = landscape.names.map((name, i) => `${name} ${coordinate(start[i]!)}`).join(', ');
  element('start-place').textContent = `Start: ${at}, cost ${brief(landscape.cost(start))}`;
  picture.setAttribute('aria-valuetext', at);
  flat.draw(lanes, start);
  surface?.draw(lanes, start);
  if (landscape.answer) points.draw(landscape, lanes, start);
  legend.draw(lanes);
  costs.draw();
}

const degrees = (radians: number) => `${Math.round((radians * 180) / Math.PI)}°`;

function moveStart(position: Position): void {
  start = position.map((value, i) => {
    const [low, high] = landscape.domain[i]!;
    return Math.min(high, Math.max(low, value));
  });
  markStory(undefined);
  draw();
}

function address(): Record<string, string> {
  return {
    on: select.value,
    start: start.map((value) => Number(value.toFixed(3))).join(),
    ...Object.fromEntries(Object.entries(sliders).map(([name, slider]) => [name, String(slider.value)])),
    methods: legend.chosen.map(({ id }) => id).join(),
  };
}

function followAddress(): void {
  const { id, story } = storyOf(readAddress());
  tell(story);
  markStory(id);
}

for (const [label, belongs] of [
  ['Two parameters of a network', (name) => isTiny(name) && parametersOf(name) === 2],
  ['Classic surfaces', (name) => !isTiny(name) && parametersOf(name) === 2],
  ['One parameter', (name) => parametersOf(name) === 1],
] as [string, (name: LandscapeName) => boolean][]) {
  const options = LANDSCAPE_NAMES.filter(belongs).map((name) => make('option', { value: name }, titleOf(name)));
  select.append(make('optgroup', { label }, ...options));
}
for (const [id, story] of Object.entries(STORIES)) {
  const button = make('button', { type: 'button', className: 'chip' }, story.title);
  button.dataset.story = id;
  button.addEventListener('click', () => {
    transport.wanted = true;
    tell(story);
    markStory(id);
  });
  element('stories').append(button);
}
select.addEventListener('change', () => {
  start = [];
  markStory(undefined);
  element('story-text').textContent = '';
  changeLandscape(true);
});

onDrag(picture, (at) => moveStart(flat.positionAt(...at)), restartSoon);
onArrows(picture, (dx, dy) => {
  const step = landscape.domain.map(([low, high]) => (high - low) / 100);
  moveStart(start.map((value, i) => value + (i === 0 ? dx : dy) * step[i]!));
  restartSoon();
});

function turn(around: number, up: number): void {
  surface?.turn(around, up);
  const { turn = 0, tilt = 0 } = surface?.view ?? {};
  surfaceCanvas.setAttribute('aria-valuetext', `turned by ${degrees(turn)}, from ${degrees(tilt)} above`);
  draw();
}
onDrag(surfaceCanvas, (at, last = at) => turn((last[0] - at[0]) * 0.01, (at[1] - last[1]) * 0.01));
onArrows(surfaceCanvas, (dx, dy) => turn(dx * TURN, dy * TURN));

onThemeChange(() => {
  flat.restyle();
  surface?.restyle();
  legend.restyle();
  draw();
});
for (const canvas of [picture, surfaceCanvas, element('points')]) new ResizeObserver(draw).observe(canvas);
addEventListener('hashchange', followAddress);

legend.restyle();
followAddress();
void choosePlace((place) => {
  where = place;
  if (place) transport.inTurn(restart);
  else transport.state = 'unsupported';
});
