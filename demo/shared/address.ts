/** The state of a page in its address, behind the #, so that a link shows what its sender saw. */

export function readAddress(): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

/** Writes it without a new entry in the history, and without a `hashchange`. */
export function writeAddress(values: Readonly<Record<string, string>>): void {
  history.replaceState(null, '', `#${new URLSearchParams(values)}`);
}
