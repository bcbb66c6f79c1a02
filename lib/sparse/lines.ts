/** Numbers and words of a text, line by line, straight from its bytes: no string is made but for messages. */

const NEWLINE = 10;
const SPACE = 32;
const PERCENT = 37;
const PLUS = 43;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;

/** A mantissa below this can take another digit and still be exact. */
const MAX_MANTISSA = Math.floor(2 ** 53 / 10);
/** Powers of ten that are exact, so that one multiplication or division rounds as it should (Clinger 1990). */
const POWERS = Array.from({ length: 23 }, (_, i) => 10 ** i);

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

export class Lines {
  /** Of the current line, from 1. */
  number = 0;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    // The mark that some editors put in front of UTF-8.
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.#at = 3;
  }

  /** Bytes from the current place on. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** The first line, or the one after the current one, whatever is in it; false where there is none. */
  next(): boolean {
    if (this.number > 0) {
      // Whoever has read all of a line is at its end already.
      const end = this.#bytes[this.#at] === NEWLINE ? this.#at : this.#bytes.indexOf(NEWLINE, this.#at);
      this.#at = end < 0 ? this.#bytes.length : end + 1;
    }
    this.number++;
    return this.#at < this.#bytes.length;
  }

  /** The next line that is neither blank nor a comment. */
  nextData(): boolean {
    while (this.next()) if (!this.isDone() && this.#bytes[this.#at] !== PERCENT) return true;
    return false;
  }

  /** Whether nothing but blanks is left of the line; steps over them. */
  isDone(): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    while (at < bytes.length && bytes[at] <= SPACE && bytes[at] !== NEWLINE) at++;
    this.#at = at;
    return at >= bytes.length || bytes[at] === NEWLINE;
  }

  /** The next word, '' at the end of the line. */
  word(): string {
    if (this.isDone()) return '';
    const begin = this.#at;
    while (this.#at < this.#bytes.length && this.#bytes[this.#at] > SPACE) this.#at++;
    return this.#text(begin, this.#at);
  }

  /** Digits alone; NaN for anything else, and then the word is still there. */
  readCount(): number {
    if (this.isDone()) return NaN;
    const bytes = this.#bytes;
    const begin = this.#at;
    let at = begin;
    let count = 0;
    for (; at < bytes.length && isDigit(bytes[at]); at++) count = count * 10 + (bytes[at] - ZERO);
    if (at === begin || !this.#isEnd(at)) return NaN;
    this.#at = at;
    return count;
  }

  /** A decimal number as a double, correctly rounded; NaN for anything else, and then the word is still there. */
  readNumber(): number {
    if (this.isDone()) return NaN;
    const bytes = this.#bytes;
    const { length } = bytes;
    const begin = this.#at;
    let at = begin;
    const negative = bytes[at] === MINUS;
    if (negative || bytes[at] === PLUS) at++;
    let mantissa = 0;
    let exponent = 0;
    let exact = true;
    let digits = 0;
    for (let afterPoint = false; at < length; at++) {
      const byte = bytes[at];
      if (byte === POINT && !afterPoint) {
        afterPoint = true;
        continue;
      }
      if (!isDigit(byte)) break;
      digits++;
      if (mantissa < MAX_MANTISSA) {
        mantissa = mantissa * 10 + (byte - ZERO);
        if (afterPoint) exponent--;
      } else exact = false;
    }
    if (digits === 0) return NaN;
    if (at < length && (bytes[at] | SPACE) === 0x65) {
      at++;
      const below = bytes[at] === MINUS;
      if (below || bytes[at] === PLUS) at++;
      const first = at;
      let power = 0;
      for (; at < length && isDigit(bytes[at]); at++) power = power * 10 + (bytes[at] - ZERO);
      if (at === first) return NaN;
      exponent += below ? -power : power;
    }
    if (!this.#isEnd(at)) return NaN;
    this.#at = at;
    if (!exact || exponent < -22 || exponent > 22) return Number(this.#text(begin, at));
    const magnitude = exponent < 0 ? mantissa / POWERS[-exponent] : mantissa * POWERS[exponent];
    return negative ? -magnitude : magnitude;
  }

  #isEnd(at: number): boolean {
    return at >= this.#bytes.length || this.#bytes[at] <= SPACE;
  }

  #text(begin: number, end: number): string {
    return new TextDecoder().decode(this.#bytes.subarray(begin, end));
  }
}
