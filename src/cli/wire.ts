/** Data with typed arrays in it ⇄ bytes: how a job gets into a page, and its result out of it. */

const TYPES = { Uint8Array, Uint32Array, Int32Array, Float32Array, Float64Array };
type TypeName = keyof typeof TYPES;
type Chunk = InstanceType<(typeof TYPES)[TypeName]>;

/** Stands in the JSON where a typed array belongs. */
interface Place {
  $array: TypeName;
  offset: number;
  length: number;
}

/** Stands in the JSON for a number that JSON has no word for. */
interface NoNumber {
  $number: 'NaN' | 'Infinity' | '-Infinity';
}

/** Every typed array starts at a multiple of this. */
const ALIGNMENT = 8;
const aligned = (n: number) => Math.ceil(n / ALIGNMENT) * ALIGNMENT;

/** The length of the JSON, the JSON, the arrays. */
export function pack(value: unknown): Uint8Array<ArrayBuffer> {
  const chunks: { array: Chunk; offset: number }[] = [];
  let end = 0;
  const text = JSON.stringify(value, function (this: Record<string, unknown>, key, shown) {
    const inner = this[key]; // as it is: `shown` is what a Buffer says of itself in JSON
    if (typeof inner === 'number' && !Number.isFinite(inner)) {
      return { $number: String(inner) } as NoNumber;
    }
    if (!ArrayBuffer.isView(inner)) return shown;
    const array = inner as Chunk;
    const place: Place = {
      $array: Object.prototype.toString.call(array).slice(8, -1) as TypeName,
      offset: end,
      length: array.length,
    };
    if (!Object.hasOwn(TYPES, place.$array)) throw new TypeError(`pack: ${place.$array} has no place on the wire`);
    chunks.push({ array, offset: end });
    end = aligned(end + array.byteLength);
    return place;
  });
  const json = new TextEncoder().encode(text);
  const start = aligned(4 + json.length);
  const bytes = new Uint8Array(start + end);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 4);
  for (const { array, offset } of chunks) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), start + offset);
  }
  return bytes;
}

/** What `pack` was given; the arrays are copies. */
export function unpack(packed: Uint8Array): unknown {
  // Node's Buffer is a Uint8Array whose slices are views; here they must be copies.
  const bytes = new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const start = aligned(4 + length);
  return JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)), (_, inner) => {
    if (typeof inner !== 'object' || inner === null) return inner;
    if ('$number' in inner) return Number((inner as NoNumber).$number);
    if (!('$array' in inner)) return inner;
    const place = inner as Place;
    const Type = TYPES[place.$array];
    const from = start + place.offset;
    return new Type(bytes.slice(from, from + place.length * Type.BYTES_PER_ELEMENT).buffer);
  });
}
