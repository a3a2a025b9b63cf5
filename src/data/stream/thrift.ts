/** The compact protocol of Thrift, as far as to say whether a struct is whole: its sizes are those of what is there. */

/** More structs than these lie in no struct of Parquet. */
const DEPTH = 32;

/** What is wrong with the bytes of a file; the reader says of which. */
export const damaged = (what: string): Error => new Error(`the file is damaged or made to do harm: ${what}`);

/** A number of at most `most` bytes, and where it ends. */
export function varint(view: DataView, at: number, most: number): { value: number; at: number } {
  let value = 0;
  for (let n = 0; n < most; n++) {
    const byte = view.getUint8(at + n);
    value += (byte & 127) * 2 ** (7 * n);
    if (byte < 128) return { value, at: at + n + 1 };
  }
  throw damaged(`a number of more than ${most} bytes`);
}

/** Gives where the struct ends that begins at `at`. @throws where it does not end, or holds what is not there */
export function checkStruct(view: DataView, at: number, depth = 0): number {
  if (depth > DEPTH) throw damaged('structs in structs without end');
  let place = at;
  for (;;) {
    const byte = view.getUint8(place++);
    if ((byte & 15) === 0) return place;
    if (byte >> 4 === 0) place = varint(view, place, 5).at;
    place = checkElement(view, place, byte & 15, depth);
  }
}

function checkElement(view: DataView, at: number, type: number, depth: number): number {
  switch (type) {
    case 1: // true
    case 2: // false
      return at;
    case 3:
      return at + 1;
    case 4:
    case 5:
      return varint(view, at, 5).at;
    case 6:
      return varint(view, at, 10).at;
    case 7:
      return at + 8;
    case 8: {
      const text = varint(view, at, 5);
      return text.at + text.value;
    }
    case 9:
      return checkList(view, at, depth);
    case 12:
      return checkStruct(view, at, depth + 1);
    default:
      throw damaged(`a field of type ${type}`);
  }
}

function checkList(view: DataView, at: number, depth: number): number {
  const byte = view.getUint8(at);
  const type = byte & 15;
  const size = byte >> 4 === 15 ? varint(view, at + 1, 5) : { value: byte >> 4, at: at + 1 };
  if (size.value > view.byteLength - size.at) throw damaged(`a list of ${size.value} elements`);
  let place = size.at;
  // Each is a byte at least, a boolean too.
  for (let i = 0; i < size.value; i++) place = checkElement(view, place, type < 3 ? 3 : type, depth + 1);
  return place;
}
