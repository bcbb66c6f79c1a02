/** Starts serving processes, asks them to classify, and loads them. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { PIXELS } from '../../examples/digits/mnist';
import { median } from '../stats';
import type { Reply, Request, ServerFigures, ServerSettings } from './messages';

const PATH = '/classify';
const HEADERS = { 'content-type': 'application/octet-stream' };
/** Seconds between the moments at which autocannon looks whether its time is over. */
const TICK = 0.05;

export interface Figures extends ServerFigures {
  /** Answers a second. */
  readonly rate: number;
  /** Milliseconds from a request to its answer, as the client sees them. */
  readonly p50: number;
  readonly p99: number;
}

/** A serving process; `call` after `start`, one at a time. */
export class Server {
  readonly #child: ChildProcess;
  readonly #port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#port = port;
  }

  /** Resolves when it listens. */
  static async start(settings: ServerSettings): Promise<Server> {
    const child = fork(join(__dirname, 'server.ts'), [JSON.stringify(settings)], { execArgv: ['--import', 'tsx'] });
    const reply = await receive(child);
    if (!('port' in reply)) throw new Error(`Expected a port but received ${JSON.stringify(reply)}`);
    return new Server(child, reply.port);
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#send('close');
    await exited;
  }

  /** The digits of images, asked for over `connections` at a time. */
  async classify(images: readonly Uint8Array[], connections: number): Promise<number[]> {
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    try {
      return await Promise.all(images.map((image) => this.#post(image, agent)));
    } finally {
      agent.destroy();
    }
  }

  /** Every connection sends its next request when it has the answer to the one before. */
  async load(images: readonly Uint8Array[], connections: number, seconds: number): Promise<Figures> {
    const requests = images.map((image) => ({ method: 'POST' as const, path: PATH, headers: HEADERS, body: Buffer.from(image) }));
    this.#send('start');
    await receive(this.#child);
    const latencies: number[] = [];
    const connected = new Set<unknown>();
    const start = performance.now();
    let last = start;
    const { errors, timeouts, non2xx } = await new Promise<autocannon.Result>((resolve, reject) => {
      const options = { connections, duration: seconds, sampleInt: 1000 * TICK, requests };
      const running = autocannon({ url: `http://127.0.0.1:${this.#port}`, ...options }, (error: unknown, result) => {
        if (error === null) resolve(result);
        else reject(error);
      });
      // Its own histogram has whole milliseconds only. The first latency of a connection includes connecting.
      running.on('response', (client, _status, _bytes, milliseconds) => {
        last = performance.now();
        if (connected.has(client)) latencies.push(milliseconds);
        connected.add(client);
      });
    });
    this.#send('stop');
    const reply = await receive(this.#child);
    if (!('figures' in reply)) throw new Error(`Expected figures but received ${JSON.stringify(reply)}`);
    if (errors + timeouts + non2xx > 0 || latencies.length === 0) {
      throw new Error(`Expected answers only but received ${errors} errors, ${timeouts} timeouts, ${non2xx} other statuses`);
    }
    latencies.sort((x, y) => x - y);
    const rate = (latencies.length + connected.size) / ((last - start) / 1000);
    return { ...reply.figures, rate, p50: median(latencies), p99: latencies[Math.floor(0.99 * (latencies.length - 1))] };
  }

  #send(message: Request): void {
    this.#child.send(message);
  }

  #post(image: Uint8Array, agent: Agent): Promise<number> {
    if (image.length !== PIXELS) throw new Error(`Expected ${PIXELS} bytes but received ${image.length}`);
    return new Promise((resolve, reject) => {
      const options = { port: this.#port, path: PATH, method: 'POST', headers: HEADERS, agent };
      const sent = request(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => {
          if (response.statusCode !== 200) reject(new Error(`Expected status 200 but received ${response.statusCode}: ${text}`));
          else resolve((JSON.parse(text) as { digit: number }).digit);
        });
      });
      sent.on('error', reject);
      sent.end(image);
    });
  }
}

/** The next message of a child; rejects if it fails or ends instead. */
async function receive(child: ChildProcess): Promise<Reply> {
  const aborted = new AbortController();
  const { signal } = aborted;
  const exited = once(child, 'exit', { signal }).then(([code]: unknown[]) => {
    throw new Error(`The serving process ended with code ${String(code)}`);
  });
  exited.catch(() => undefined);
  try {
    const [reply] = (await Promise.race([once(child, 'message', { signal }), exited])) as [Reply];
    if ('failed' in reply) throw new Error(`The serving process failed: ${reply.failed}`);
    return reply;
  } finally {
    aborted.abort();
  }
}
