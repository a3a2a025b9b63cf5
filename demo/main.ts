/** The playground: ties the form, the buttons, the pictures and the training together. */
import { support } from 'downhill';
import { LossCurve } from './loss_curve.ts';
import { changeDepth, readSettings, realize } from './settings.ts';
import { Surface } from './surface.ts';
import { onThemeChange, readTheme } from './theme.ts';
import { Training } from './training.ts';
import './style.css';

/** Milliseconds between two updates of numbers and plots. */
const DRAW_INTERVAL = 100;
/** Milliseconds of typing that count as one change. */
const TYPING_PAUSE = 250;

const CAPTIONS = {
  spirals: 'Two arms wound into each other. Colour: the likeliest class; paper: undecided.',
  moons: 'Two half moons that reach into each other. Colour: the likeliest class; paper: undecided.',
  xor: 'Opposite corners belong together. Colour: the likeliest class; paper: undecided.',
  sine: 'Noisy heights of a wave, and the curve that the network draws through them.',
};

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

const form = element<HTMLFormElement>('settings');
const hidden = element<HTMLInputElement>('hidden');
const logarithmic = element<HTMLInputElement>('logarithmic');
const buttons = {
  start: element<HTMLButtonElement>('start'),
  step: element<HTMLButtonElement>('step'),
  reset: element<HTMLButtonElement>('reset'),
};
const surface = new Surface(element<HTMLCanvasElement>('surface'));
const curve = new LossCurve(element('loss-curve'));
const wholeNumbers = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

let theme = readTheme();
let backend: 'webgpu' | 'cpu' = 'webgpu';
let training: Training | undefined;
/** Whether the person wants training to go on, also over a change of the settings. */
let wanted = false;
let predictions: Float32Array | undefined;
let drawn = { time: performance.now(), step: 0 };
let drawing: ReturnType<typeof setTimeout> | undefined;
/** What changes the training happens one after the other. */
let queue: Promise<void> = Promise.resolve();

function inTurn(action: () => Promise<void>): void {
  queue = queue.then(action).catch(showError);
}

function setState(state: 'starting' | 'ready' | 'running' | 'paused' | 'stopped' | 'unsupported'): void {
  document.body.dataset.state = state;
  const usable = state === 'ready' || state === 'paused' || state === 'running';
  buttons.start.disabled = !usable;
  buttons.start.textContent = state === 'running' ? 'Pause' : state === 'paused' ? 'Continue' : 'Start';
  buttons.step.disabled = !usable || state === 'running';
  buttons.reset.disabled = !usable && state !== 'stopped';
}

function showNotice(text: string, offerCpu: boolean): void {
  element('notice-text').textContent = text;
  element('use-cpu').hidden = !offerCpu;
  element('notice').hidden = false;
}

function showError(error: unknown): void {
  wanted = false;
  showNotice(error instanceof Error ? error.message : String(error), backend === 'webgpu' && !training);
  setState(training ? 'stopped' : 'unsupported');
}

/** Draws soon; many calls make one drawing. */
function drawSoon(): void {
  if (drawing !== undefined) return;
  drawing = setTimeout(() => {
    drawing = undefined;
    requestAnimationFrame(drawNow);
  }, DRAW_INTERVAL);
}

function drawNow(): void {
  if (!training) return;
  const { loss, step } = document.body.dataset;
  element('step-count').textContent = wholeNumbers.format(Number(step));
  element('loss-value').textContent = loss ? formatLoss(curve.mean ?? Number(loss)) : '–';
  const time = performance.now();
  if (training.running && time - drawn.time > 500) {
    element('speed').textContent = wholeNumbers.format(((Number(step) - drawn.step) / (time - drawn.time)) * 1000);
    drawn = { time, step: Number(step) };
  }
  curve.draw();
  surface.draw(training.problem, predictions, theme);
}

function formatLoss(loss: number): string {
  return Math.abs(loss) >= 1e-3 ? loss.toPrecision(3) : loss.toExponential(1);
}

/** Throws the old network away and makes the one the form asks for; goes on training where that is wanted. */
async function rebuild(): Promise<void> {
  const settings = readSettings(form);
  if (!settings) return;
  if (!wanted) setState('starting');
  const old = training;
  training = undefined;
  await old?.dispose();
  predictions = undefined;
  curve.clear();
  Object.assign(document.body.dataset, { problem: settings.problem, step: '0', loss: '' });
  element('speed').textContent = '–';
  element('caption').textContent = CAPTIONS[settings.problem];
  training = await Training.create(realize(settings), backend, {
    onLoss: (step, loss) => {
      Object.assign(document.body.dataset, { step: String(step), loss: String(loss) });
      curve.add(step, loss);
      drawSoon();
    },
    onPicture: (values) => {
      predictions = values;
      drawSoon();
    },
  });
  element('notice').hidden = true;
  element('adapter').textContent = `${backend === 'webgpu' ? 'WebGPU' : 'CPU'} · ${training.adapter}`;
  await training.picture();
  drawNow();
  setState('ready');
  if (wanted) start();
}

function start(): void {
  const current = training;
  if (!current || current.running) return;
  drawn = { time: performance.now(), step: current.finishedSteps };
  setState('running');
  current.start().then(
    async () => {
      if (current !== training) return;
      setState('paused');
      await current.picture();
    },
    (error) => {
      if (current === training) showError(error);
    },
  );
}

async function useBackend(asked: 'webgpu' | 'cpu'): Promise<void> {
  backend = asked;
  if (backend === 'webgpu') {
    const { webgpu, message } = await support();
    if (!webgpu) {
      element('adapter').textContent = 'No WebGPU';
      showNotice(message, true);
      setState('unsupported');
      return;
    }
  }
  await rebuild();
}

function restyle(): void {
  theme = readTheme();
  curve.restyle(theme, logarithmic.checked);
  if (training) surface.draw(training.problem, predictions, theme);
}

let typing: ReturnType<typeof setTimeout> | undefined;
function changed(): void {
  clearTimeout(typing);
  typing = setTimeout(() => {
    if (document.body.dataset.state !== 'unsupported') inTurn(rebuild);
  }, TYPING_PAUSE);
}

form.addEventListener('input', changed);
form.addEventListener('submit', (event) => event.preventDefault());
for (const [id, change] of [
  ['fewer', -1],
  ['more', 1],
] as const) {
  element(id).addEventListener('click', () => {
    hidden.value = changeDepth(hidden.value, change);
    changed();
  });
}
buttons.start.addEventListener('click', () => {
  wanted = document.body.dataset.state !== 'running';
  if (wanted) start();
  else if (training) void training.pause();
  else setState('starting');
});
buttons.step.addEventListener('click', () =>
  inTurn(async () => {
    if (!training || training.running) return;
    await training.step();
    setState('paused');
  }),
);
buttons.reset.addEventListener('click', () => {
  wanted = false;
  inTurn(rebuild);
});
element('use-cpu').addEventListener('click', () => inTurn(() => useBackend('cpu')));
logarithmic.addEventListener('change', restyle);
onThemeChange(restyle);
new ResizeObserver(() => drawSoon()).observe(element('surface'));

restyle();
inTurn(() => useBackend('webgpu'));
