/** The page Digits: a network learns to read handwriting, and one tries it with one's own. */
import { element, onFrame } from '../shared/dom.ts';
import { brief, count, percent } from '../shared/format.ts';
import { History, LinePlot } from '../shared/line_plot.ts';
import { choosePlace, type Place, showNotice } from '../shared/place.ts';
import { color, faded, onThemeChange } from '../shared/theme.ts';
import { Transport } from '../shared/transport.ts';
import { builtInDigits, type DigitSet, digitsOfFiles, PIXELS } from './data.ts';
import { Pad } from './pad.ts';
import { imageOf } from './pen.ts';
import type { Readings } from './readings.ts';
import { Reader } from './training.ts';
import { Confusion, drawImage, Probabilities, showMistakes } from './views.ts';
import '../shared/style.css';
import './digits.css';

/** Weight of the past in the smooth line of the loss. */
const SMOOTHING = 0.9;

const hidden = element<HTMLSelectElement>('hidden');
const learningRate = element<HTMLSelectElement>('learning-rate');
const probabilities = new Probabilities();
const confusion = new Confusion();
const losses = new History(2);
const accuracies = new History(1);
const lossPlot = new LinePlot(
  'loss-curve',
  {
    logarithmic: true,
    lines: [
      { label: 'mini-batch', stroke: () => faded(color('class-0'), 0.25), width: 1, faint: true },
      { label: 'smoothed', stroke: () => color('class-0') },
    ],
  },
  () => [losses.steps, ...losses.columns],
);
const accuracyPlot = new LinePlot(
  'accuracy-curve',
  { lines: [{ label: 'accuracy', stroke: () => color('class-2') }] },
  () => [accuracies.steps, ...accuracies.columns],
);
const pad = new Pad(element('pad'), (strokes) => read(imageOf(strokes)));
const draw = onFrame(drawNow, 100);

let where: Place | undefined;
let set: DigitSet | undefined;
let reader: Reader | undefined;
let readings: Readings | undefined;
let smooth: number | undefined;
/** What the network sees of the paper, and whether it is being read. */
let image = new Uint8Array(PIXELS);
let reading = false;
/** The test's digit that is shown next. */
let example = 0;

const listener = {
  onStep: (step: number, loss: number) => {
    smooth = smooth === undefined ? loss : SMOOTHING * smooth + (1 - SMOOTHING) * loss;
    Object.assign(document.body.dataset, { step: String(step), loss: String(loss) });
    losses.add(step, [loss, smooth]);
    draw();
    lossPlot.draw();
  },
  onReadings: (step: number, next: Readings) => {
    readings = next;
    accuracies.add(step, [next.accuracy]);
    // In full, for those who read the page by program.
    document.body.dataset.readings = JSON.stringify({ step, accuracy: next.accuracy, loss: next.loss });
    draw();
    accuracyPlot.draw();
    void readAgain();
  },
};

const transport = new Transport({
  start,
  pause: () => void reader?.pause(),
  step: async () => {
    await reader?.step();
    transport.state = 'paused';
  },
  reset: rebuild,
});

/** A new network on the digits of the moment; goes on training where that is wanted. */
function rebuild(): Promise<void> {
  const settings = { hidden: hidden.value.split('-').map(Number), learningRate: Number(learningRate.value) };
  return replace((digits, { runtime }) => Reader.create(settings, digits, runtime, listener));
}

async function replace(make: (set: DigitSet, place: Place) => Promise<Reader>): Promise<void> {
  if (!where) return;
  set ??= await builtInDigits();
  if (!transport.wanted) transport.state = 'starting';
  const next = await make(set, where);
  const old = reader;
  reader = undefined;
  await old?.dispose();
  reader = next;
  for (const history of [losses, accuracies]) history.clear();
  smooth = undefined;
  const run = String(Number(document.body.dataset.run ?? 0) + 1);
  Object.assign(document.body.dataset, { run, step: String(next.finishedSteps), loss: '', readings: '' });
  element('data-text').textContent = set.describe;
  element('shape').textContent = next.shape;
  await next.look();
  transport.state = 'ready';
  draw();
  lossPlot.draw();
  if (transport.wanted) start();
}

function start(): void {
  const current = reader;
  if (!current || current.running) return;
  transport.state = 'running';
  current
    .start()
    .then(async () => {
      if (current === reader) transport.state = 'paused';
      // The first may have begun before the last step.
      for (let i = 0; i < 2 && current === reader; i++) await current.look();
    })
    .catch((error) => {
      if (current === reader) transport.fail(error);
    });
}

function drawNow(): void {
  element('step-count').textContent = count(Number(document.body.dataset.step));
  element('loss-value').textContent = smooth === undefined ? '–' : brief(smooth);
  if (!set || !readings) return;
  element('accuracy').textContent = percent(readings.accuracy);
  confusion.show(readings);
  showMistakes(set.test, readings);
}

/** Reads an image at once, beside the training; of many that come quickly, the last. */
function read(next: Uint8Array): void {
  image = Uint8Array.from(next);
  drawImage(element('seen'), image);
  void readAgain();
}

async function readAgain(): Promise<void> {
  if (reading || !reader) return;
  reading = true;
  try {
    let last: Uint8Array | undefined;
    while (reader && last !== image) {
      last = image;
      const empty = image.every((value) => value === 0);
      probabilities.show(empty ? undefined : await reader.read(image));
    }
  } catch (error) {
    if (reader) showNotice(error);
  } finally {
    reading = false;
  }
}

async function take(files: readonly File[]): Promise<void> {
  if (files.length === 0) return;
  try {
    const model = files.find(({ name }) => name.endsWith('.safetensors'));
    if (model) {
      const bytes = new Uint8Array(await model.arrayBuffer());
      await replace((digits, { runtime }) => Reader.load(bytes, digits, runtime, listener));
      return;
    }
    set = await digitsOfFiles(files);
    await rebuild();
  } catch (error) {
    // What was there before goes on.
    showNotice(error);
    if (reader && transport.state === 'starting') transport.state = 'ready';
  }
}

async function save(): Promise<void> {
  if (!reader) return;
  const bytes = await reader.save();
  const url = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'application/octet-stream' }));
  Object.assign(document.createElement('a'), { href: url, download: 'digits.safetensors' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

for (const select of [hidden, learningRate]) select.addEventListener('change', () => transport.inTurn(rebuild));
element('clear').addEventListener('click', () => pad.clear());
element('example').addEventListener('click', () => {
  if (!set) return;
  pad.clear();
  read(set.test.x.subarray(example * PIXELS, (example + 1) * PIXELS));
  example = (example + 1) % set.test.y.length;
});
element('save').addEventListener('click', () => void save().catch(showNotice));
for (const id of ['files', 'model'] as const) {
  const input = element<HTMLInputElement>(id);
  element(`${id}-button`).addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    input.value = '';
    transport.inTurn(() => take(files));
  });
}
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', (event) => {
  event.preventDefault();
  const files = [...(event.dataTransfer?.files ?? [])];
  transport.inTurn(() => take(files));
});
onThemeChange(() => {
  drawImage(element('seen'), image);
  draw();
});

drawImage(element('seen'), image);
probabilities.show(undefined);
void choosePlace((place) => {
  where = place;
  if (place) transport.inTurn(rebuild);
  else transport.state = 'unsupported';
});
