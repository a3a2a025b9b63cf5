/** Draws the built-in digits beside the page, which goes on responding meanwhile. */
import { GENERATORS } from 'downhill';

addEventListener('message', ({ data }: MessageEvent<{ rows: number; seed: number }>) => {
  const { x, y } = GENERATORS.digits(data);
  postMessage({ x, y }, { transfer: [x.buffer, y.buffer] });
});
