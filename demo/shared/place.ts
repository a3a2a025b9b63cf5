/** Where the page's trainers run: one GPU device for all of them, or the CPU, as the person chooses. */
import { type Runtime, support } from 'downhill';
import { element } from './dom.ts';

export interface Place {
  readonly backend: 'webgpu' | 'cpu';
  /** For every trainer of the page. */
  readonly runtime: Runtime;
  /** In words. */
  readonly label: string;
}

const KEY = 'downhill.place';
const CPU: Place = { backend: 'cpu', runtime: { backend: 'cpu' }, label: 'CPU' };

async function openGpu(): Promise<Place> {
  const { webgpu, adapter, message } = await support();
  const found = webgpu ? await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' }) : null;
  if (!adapter || !found) throw new Error(message);
  const device = await found.requestDevice({ label: 'downhill' });
  const name = adapter.description || [adapter.vendor, adapter.architecture].filter(Boolean).join(' ') || 'a GPU';
  const label = `WebGPU · ${name}${adapter.software ? ' (emulated on the CPU)' : ''}`;
  return { backend: 'webgpu', runtime: { device }, label };
}

/**
 * Opens the place that the person chose last, WebGPU at first, and again whenever the choice changes. `moved` gets the
 * place, or undefined where there is no WebGPU; the notice then says what to do and offers the CPU.
 */
export async function choosePlace(moved: (place: Place | undefined) => void): Promise<void> {
  const select = element<HTMLSelectElement>('place');
  const open = async () => {
    localStorage.setItem(KEY, select.value);
    element('notice').hidden = true;
    try {
      const place = select.value === 'cpu' ? CPU : await openGpu();
      element('adapter').textContent = place.label;
      moved(place);
    } catch (error) {
      element('adapter').textContent = 'No WebGPU';
      showNotice(error, true);
      moved(undefined);
    }
  };
  element('use-cpu').addEventListener('click', () => {
    select.value = 'cpu';
    void open();
    element('start').focus();
  });
  select.addEventListener('change', open);
  if (localStorage.getItem(KEY) === 'cpu') select.value = 'cpu';
  await open();
}

/** Says what went wrong, and whether the CPU would help. */
export function showNotice(error: unknown, offerCpu = false): void {
  element('notice-text').textContent = error instanceof Error ? error.message : String(error);
  element('use-cpu').hidden = !offerCpu;
  element('notice').hidden = false;
}
