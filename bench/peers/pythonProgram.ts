/** A Python program that keeps running and answers each line with a line of JSON. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** Of the PATH, or the one that Debian's packages are for. */
export const INTERPRETERS = ['python3', '/usr/bin/python3'] as const;

export type Answer = Readonly<Record<string, unknown>>;

export class Python {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  cpuSeconds = 0;

  constructor(interpreter: string, program: string, threads: number) {
    const count = String(threads);
    const env = { ...process.env, OPENBLAS_NUM_THREADS: count, OMP_NUM_THREADS: count, MKL_NUM_THREADS: count };
    this.#child = spawn(interpreter, [program], { env, stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.on('error', () => this.#lines.close());
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** Undefined where there is no such interpreter, or not what the program needs. */
  async hello(): Promise<Answer | undefined> {
    try {
      return await this.#next();
    } catch {
      return undefined;
    }
  }

  async ask(request: string): Promise<Answer> {
    this.#child.stdin.write(`${request}\n`);
    const answer = await this.#next();
    if (typeof answer.cpuSeconds === 'number') this.cpuSeconds = answer.cpuSeconds;
    return answer;
  }

  close(): void {
    this.#child.stdin.end();
  }

  async #next(): Promise<Answer> {
    const { value, done }: IteratorResult<string, unknown> = await this.#answers.next();
    if (done === true) throw new Error('Expected an answer of the Python peers but the program ended');
    return JSON.parse(value) as Answer;
  }
}
