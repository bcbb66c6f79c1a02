/** Results that are wrong, or another mishap: a note for each contender that has some. */
export class Wrong {
  readonly notes: string[] = [];
  readonly #names = new Map<string, { index: number; count: number; first: string }>();

  readonly #what: string;

  readonly #verb: string;

  /** What is counted: `'shape'`, `'layer'`. */
  constructor(what: string, verb = 'is WRONG') {
    this.#what = what;
    this.#verb = verb;
  }

  add(name: string, where: string, problem: string | undefined): void {
    if (problem === undefined) return;
    const entry = this.#names.get(name) ?? { index: this.notes.length, count: 0, first: `${where}: ${problem}` };
    entry.count += 1;
    this.#names.set(name, entry);
    this.notes[entry.index] =
      `${name} ${this.#verb} for ${entry.count} ${this.#what}${entry.count === 1 ? '' : 's'}, at first ${entry.first}`;
  }
}
