/** The errors of the library: who, what it got, what it expected, what to change. */

/** The base of every error the library throws; `code` is stable across versions, the message is for people. */
export class DownhillError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** What was asked for cannot be: an unknown key, a value out of range, a combination that makes no sense. */
export class SpecError extends DownhillError {}

/** The data does not fit: its shape, its labels, its bytes. */
export class DataError extends DownhillError {}

/** The GPU is missing, too small for the request, or refused a command. */
export class DeviceError extends DownhillError {}

/** The GPU went away, and no other came. */
export class DeviceLostError extends DeviceError {
  /** The last snapshot as a file, for `loadTrainer` or, of a sweep, `loadSweep`; undefined if nothing was trained. */
  readonly checkpoint: Uint8Array | undefined;

  constructor(code: string, message: string, options: ErrorOptions & { checkpoint?: Uint8Array } = {}) {
    super(code, message, options);
    this.checkpoint = options.checkpoint;
  }
}

/** The loss stopped being a finite number. */
export class NonFiniteError extends DownhillError {}

/** A file is no model of ours, is damaged, or belongs to another spec. */
export class CheckpointError extends DownhillError {}

/** A part of the library did not load: the page is offline, or older than what its server has now. */
export class LoadError extends DownhillError {}

/** A part of the library that is loaded when it is first needed: what `import()` brings. @throws LoadError */
export async function loaded<T>(part: Promise<T>): Promise<T> {
  try {
    return await part;
  } catch (cause) {
    throw new LoadError(
      'load/failed',
      `downhill: a part of the library did not load (${cause instanceof Error ? cause.message : cause}), expected the files that were deployed with the page; check the connection, and reload the page if a newer version was deployed since it was opened.`,
      { cause },
    );
  }
}

/** The known word nearest to `word`, as ` (did you mean "…"?)`, or nothing when none is near. */
export function suggest(word: string, known: readonly string[]): string {
  if (word.length > 64) return ''; // nobody's slip of the pen, and long words take long
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.ceil(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best === undefined ? '' : ` (did you mean "${best}"?)`;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, substitution));
    }
    previous = row;
  }
  return previous[b.length]!;
}
