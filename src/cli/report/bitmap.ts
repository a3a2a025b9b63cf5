/** A grey picture as a data URL, in the simplest format that every browser shows: BMP with a palette. */

/** File header, picture header, 256 greys. */
const HEADERS = 14 + 40;
const PALETTE = 4 * 256;

/** @param pixels [height, width], from 0 (black) to 255, top row first */
export function bitmapUrl(pixels: ArrayLike<number>, width: number): string {
  const height = pixels.length / width;
  const line = Math.ceil(width / 4) * 4;
  const start = HEADERS + PALETTE;
  const bytes = new Uint8Array(start + line * height);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]); // BM
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, start, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, -height, true); // top row first
  view.setUint16(26, 1, true);
  view.setUint16(28, 8, true); // bits of a pixel
  for (let grey = 0; grey < 256; grey++) bytes.fill(grey, HEADERS + 4 * grey, HEADERS + 4 * grey + 3);
  for (let i = 0; i < pixels.length; i++) bytes[start + Math.floor(i / width) * line + (i % width)] = pixels[i]!;
  return `data:image/bmp;base64,${Buffer.from(bytes).toString('base64')}`;
}
