/** Small helpers for the document: elements by id, canvases that are sharp, drawing that never piles up. */

/** The element with this id. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element #${id}`);
  return found as T;
}

/** A new element with properties and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export interface Sheet {
  context: CanvasRenderingContext2D;
  /** In CSS pixels, in which the context draws. */
  width: number;
  height: number;
}

/** The canvas, empty, as large as it is shown and as sharp as the screen. */
export function sheetOf(canvas: HTMLCanvasElement): Sheet {
  const { clientWidth: width, clientHeight: height } = canvas;
  const [w, h] = [
    Math.max(1, Math.round(width * devicePixelRatio)),
    Math.max(1, Math.round(height * devicePixelRatio)),
  ];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = canvas.getContext('2d')!;
  context.setTransform(w / Math.max(1, width), 0, 0, h / Math.max(1, height), 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width: Math.max(1, width), height: Math.max(1, height) };
}

const calm = matchMedia('(prefers-reduced-motion: reduce)');
/** Milliseconds between two pictures for people who asked for less motion. */
const CALM_INTERVAL = 500;

/** A function that asks for `draw` at the next frame; many calls before it make one drawing, at least `interval` ms apart. */
export function onFrame(draw: () => void, interval = 0): () => void {
  let asked = false;
  let last = Number.NEGATIVE_INFINITY;
  const now = (time: number) => {
    asked = false;
    last = time;
    draw();
  };
  return () => {
    if (asked) return;
    asked = true;
    const wait = Math.max(interval, calm.matches ? CALM_INTERVAL : 0) - (performance.now() - last);
    if (wait > 0) setTimeout(() => requestAnimationFrame(now), wait);
    else requestAnimationFrame(now);
  };
}

export type Point = [x: number, y: number];

/** Where the pointer is, in CSS pixels from the element's corner. */
export function pointerAt(event: MouseEvent): Point {
  const box = (event.currentTarget as Element).getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

/** Calls back from the press of the pointer on: at first without a `last` point, then with it, until it is let go. */
export function onDrag(target: HTMLElement, move: (at: Point, last?: Point) => void, end?: () => void): void {
  let last: Point | undefined;
  target.addEventListener('pointerdown', (event) => {
    target.setPointerCapture(event.pointerId);
    last = pointerAt(event);
    move(last);
  });
  target.addEventListener('pointermove', (event) => {
    if (!last) return;
    const at = pointerAt(event);
    move(at, last);
    last = at;
  });
  for (const type of ['pointerup', 'pointercancel'] as const) {
    target.addEventListener(type, () => {
      if (last) end?.();
      last = undefined;
    });
  }
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

/** Calls back with the direction (right and up are positive) of each arrow key; Shift makes it ten times as far. */
export function onArrows(target: HTMLElement, move: (dx: number, dy: number) => void): void {
  target.addEventListener('keydown', (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1;
    move(arrow[0] * far, arrow[1] * far);
  });
}
