/** The page Network: ties the form, the buttons, the pictures and the training together. */
import { readAddress, writeAddress } from '../shared/address.ts';
import { element, make, onFrame } from '../shared/dom.ts';
import { brief, count, percent } from '../shared/format.ts';
import { History, type Line, LinePlot } from '../shared/line_plot.ts';
import { choosePlace, type Place } from '../shared/place.ts';
import { Slider } from '../shared/slider.ts';
import { color, faded, onThemeChange, ramp } from '../shared/theme.ts';
import { Transport } from '../shared/transport.ts';
import { DecisionSurface } from './decision_surface.ts';
import { Diagram } from './diagram.ts';
import { PROBLEMS } from './problems.ts';
import { changeDepth, fillForm, formValues, readSettings, realize, SCHEDULE_STEPS } from './settings.ts';
import { STORIES, USUAL } from './stories.ts';
import { type Report, Training } from './training.ts';
import '../shared/style.css';
import './network.css';

/** Milliseconds of typing that count as one change. */
const TYPING_PAUSE = 250;
/** Weight of the past in the smooth line of the loss. */
const SMOOTHING = 0.9;
/** From this speed on nothing holds training back. */
const FREE = 1000;

const form = element<HTMLFormElement>('settings');
const hidden = element<HTMLInputElement>('hidden');
const testShown = element<HTMLInputElement>('test-shown');
const speed = new Slider(
  'speed',
  () => {},
  (rate) => (rate >= FREE ? 'as fast as it can' : `${brief(rate)} steps/s`),
);
new Slider('noise', () => {});
new Slider(
  'scale',
  () => {},
  (value) => `× ${brief(value)}`,
);

const draw = onFrame(drawNow, 40);
const diagram = new Diagram(element('diagram'), draw);
const surface = new DecisionSurface(element('surface'));
const losses = new History(2);
const tests = new History(2);
const norms = new History(8);
const lossPlot = new LinePlot('loss-curve', { lines: lossLines(), logarithmic: true }, lossData);
const normPlot = new LinePlot('norm-curve', { lines: [], logarithmic: true }, () => [norms.steps, ...norms.columns]);
const ratePlot = new LinePlot('rate-curve', { lines: rateLines() }, rateData);

let where: Place | undefined;
let training: Training | undefined;
let report: Report | undefined;
let smooth: number | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let measured = { time: performance.now(), step: 0 };

const transport = new Transport({
  start,
  pause: () => void training?.pause(),
  step: async () => {
    await training?.step();
    transport.state = 'paused';
  },
  reset: rebuild,
});

function lossLines(): Line[] {
  return [
    { label: 'mini-batch', stroke: () => faded(color('class-0'), 0.25), width: 1, faint: true },
    { label: 'training', stroke: () => color('class-0') },
    { label: 'test', stroke: () => color('class-1'), dash: [6, 4] },
  ];
}

/** Both histories on one axis; a loss of zero has no place on a logarithmic one. */
function lossData(): [number[], ...(number | null)[][]] {
  const steps = [...new Set([...losses.steps, ...tests.steps])].sort((a, b) => a - b);
  const place = new Map(steps.map((step, i) => [step, i]));
  const spread = (history: History, column: number) => {
    const out: (number | null)[] = steps.map(() => null);
    for (const [i, step] of history.steps.entries()) out[place.get(step)!] = history.columns[column]![i] || null;
    return out;
  };
  return [steps, spread(losses, 0), spread(losses, 1), spread(tests, 0)];
}

function rateLines(): Line[] {
  return [
    { label: 'to come', stroke: () => faded(color('accent'), 0.35), dash: [4, 4] },
    { label: 'done', stroke: () => color('accent') },
  ];
}

function rateData(): [number[], (number | null)[], (number | null)[]] {
  const done = training?.finishedSteps ?? 0;
  const end = Math.max(SCHEDULE_STEPS, done * 1.05);
  const steps = Array.from({ length: 201 }, (_, i) => Math.round((i / 200) * end));
  const rates = steps.map((step) => training?.learningRateAt(step) ?? null);
  return [steps, rates, rates.map((rate, i) => (steps[i]! <= done ? rate : null))];
}

/** One colour a layer, from the first to the last. */
function layerColors(layers: number): string[] {
  const stops = [color('class-1'), color('class-3'), color('class-0')];
  return ramp(stops, Math.max(2, layers)).map((parts) => `rgb(${parts.map(Math.round).join(' ')})`);
}

/** Throws the old network away and makes the one the form asks for; goes on training where that is wanted. */
async function rebuild(): Promise<void> {
  const settings = readSettings(form);
  if (!settings || !where) return;
  if (!transport.wanted) transport.state = 'starting';
  const old = training;
  training = undefined;
  await old?.dispose();
  report = undefined;
  smooth = undefined;
  diagram.chosen = undefined;
  for (const history of [losses, tests, norms]) history.clear();
  const run = String(Number(document.body.dataset.run ?? 0) + 1);
  Object.assign(document.body.dataset, { run, step: '0', loss: '', report: '' });
  training = await Training.create({ ...realize(settings), scale: settings.scale }, where.runtime, {
    onStep,
    onReport,
  });
  showLayers(settings.hidden.length + 1);
  ratePlot.draw();
  await training.report();
  transport.state = 'ready';
  if (transport.wanted) start();
}

/** Lines and their key for so many layers. */
function showLayers(layers: number): void {
  norms.columns = Array.from({ length: layers }, () => []);
  normPlot.restyle({
    lines: norms.columns.map((_, i) => ({ label: `layer ${i + 1}`, stroke: () => layerColors(layers)[i]! })),
  });
  const names = norms.columns.map((_, i) => (i === layers - 1 ? 'output' : `layer ${i + 1}`));
  element('norm-legend').replaceChildren(...names.map((name) => make('span', { className: 'key' }, name)));
  colorLegend();
}

function colorLegend(): void {
  const keys = [...element('norm-legend').children] as HTMLElement[];
  for (const [i, stroke] of layerColors(keys.length).entries()) keys[i]?.style.setProperty('--key', stroke);
}

function onStep(step: number, loss: number): void {
  smooth = smooth === undefined ? loss : SMOOTHING * smooth + (1 - SMOOTHING) * loss;
  Object.assign(document.body.dataset, { step: String(step), loss: String(loss) });
  losses.add(step, [loss, smooth]);
  draw();
  lossPlot.draw();
}

function onReport(next: Report): void {
  report = next;
  tests.add(next.step, [next.test.loss, next.train.loss]);
  norms.add(
    next.step,
    next.gradientNorms.map((norm) => norm || null),
  );
  // In full, for those who read the page by program.
  document.body.dataset.report = JSON.stringify({
    step: next.step,
    train: next.train,
    test: next.test,
    gradientNorms: next.gradientNorms,
  });
  draw();
  normPlot.draw();
  ratePlot.draw();
}

function start(): void {
  const current = training;
  if (!current || current.running) return;
  measured = { time: performance.now(), step: current.finishedSteps };
  transport.state = 'running';
  current
    .start(() => (speed.value >= FREE ? Number.POSITIVE_INFINITY : speed.value))
    .then(async () => {
      if (current === training) transport.state = 'paused';
      // The first may have begun before the last step.
      for (let i = 0; i < 2 && current === training; i++) await current.report();
    })
    .catch((error) => {
      if (current === training) transport.fail(error);
    });
}

function drawNow(): void {
  if (!training) return;
  const step = Number(document.body.dataset.step);
  element('step-count').textContent = count(step);
  const time = performance.now();
  if (training.running && time - measured.time > 500) {
    element('speed-value').textContent = count(((step - measured.step) / (time - measured.time)) * 1000);
    measured = { time, step };
  }
  if (report) {
    const { train, test } = report;
    element('train-loss').textContent = brief(train.loss);
    element('test-loss').textContent = brief(test.loss);
    element('accuracy').textContent = test.accuracy === undefined ? '–' : percent(test.accuracy);
    diagram.draw(training.problem, report);
  }
  const { chosen } = diagram;
  element('surface-title').textContent = chosen
    ? `Neuron ${chosen.unit + 1} of layer ${chosen.layer + 1}`
    : 'What the network says';
  surface.draw(training.problem, report, chosen, testShown.checked);
}

function markStory(id: string | undefined): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('#stories button')) {
    button.setAttribute('aria-pressed', String(button.dataset.story === id));
  }
  element('story-text').textContent = id ? STORIES[id]!.text : '';
}

function fill(values: Readonly<Record<string, string>>): void {
  fillForm(form, values);
  for (const field of form.querySelectorAll('input[type="range"]')) field.dispatchEvent(new Event('input'));
}

function followAddress(): void {
  const { story, ...values } = readAddress();
  const id = story && Object.hasOwn(STORIES, story) ? story : Object.keys(values).length === 0 ? 'spirals' : undefined;
  fill({ ...USUAL, ...(id && STORIES[id]!.settings), ...values });
  markStory(id);
}

function settingsChanged(): void {
  markStory(undefined);
  writeAddress(formValues(form));
  clearTimeout(timer);
  timer = setTimeout(() => transport.inTurn(rebuild), TYPING_PAUSE);
}

for (const [value, label] of Object.entries(PROBLEMS)) {
  const radio = make('input', { type: 'radio', name: 'problem', value, checked: value === 'spirals' });
  element('problems').append(make('label', {}, radio, make('span', {}, label)));
}
for (const [id, { title, settings }] of Object.entries(STORIES)) {
  const button = make('button', { type: 'button', className: 'chip' }, title);
  button.dataset.story = id;
  button.addEventListener('click', () => {
    fill({ ...USUAL, ...settings });
    markStory(id);
    writeAddress({ story: id });
    transport.wanted = true;
    clearTimeout(timer);
    transport.inTurn(rebuild);
  });
  element('stories').append(button);
}
form.addEventListener('input', settingsChanged);
form.addEventListener('submit', (event) => event.preventDefault());
for (const [id, change] of [
  ['fewer', -1],
  ['more', 1],
] as const) {
  element(id).addEventListener('click', () => {
    hidden.value = changeDepth(hidden.value, change);
    settingsChanged();
  });
}
testShown.addEventListener('change', draw);
element<HTMLInputElement>('logarithmic').addEventListener('change', ({ target }) => {
  lossPlot.restyle({ logarithmic: (target as HTMLInputElement).checked });
});
onThemeChange(() => {
  colorLegend();
  draw();
});
for (const id of ['diagram', 'surface']) new ResizeObserver(draw).observe(element(id));
addEventListener('hashchange', () => {
  followAddress();
  transport.inTurn(rebuild);
});

followAddress();
void choosePlace((place) => {
  where = place;
  if (place) transport.inTurn(rebuild);
  else transport.state = 'unsupported';
});
