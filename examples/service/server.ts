/** An HTTP service that classifies images: `POST /classify`, `GET /health`. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PIXELS } from '../digits/mnist';
import { Batcher } from './batcher';
import { classification, type Predict } from './model';
import { HttpError, readImage } from './request';

export interface ServiceOptions {
  /** Most images of one call. Default 1: each request is a call of its own. */
  readonly maxBatch?: number;
  /** Requests at a time; further ones are answered with 503. Default 1024. */
  readonly maxRequests?: number;
  /** Milliseconds that `close` waits for requests before it drops them. Default 10,000. */
  readonly grace?: number;
}

export interface Counts {
  /** Answered since the start. */
  readonly requests: number;
  /** Not answered yet. */
  readonly active: number;
  /** Images among them that wait for a batch. */
  readonly waiting: number;
  /** Calls of the model since the start, and images in them. */
  readonly calls: number;
  readonly images: number;
}

/** A client that takes longer to send its request is dropped. */
const REQUEST_TIMEOUT = 10_000;

export class Service {
  readonly #server = createServer({ requestTimeout: REQUEST_TIMEOUT }, (request, response) => {
    void this.#answer(request, response);
  });
  readonly #run: (image: Uint8Array) => Promise<Float32Array>;
  readonly #batcher: Batcher;
  readonly #options: Required<ServiceOptions>;
  readonly #counts = { requests: 0, active: 0, calls: 0, images: 0 };
  #closing: Promise<void> | undefined;

  constructor(predict: Predict, options: ServiceOptions = {}) {
    this.#options = { maxBatch: 1, maxRequests: 1024, grace: 10_000, ...options };
    const counted: Predict = (images) => {
      this.#counts.calls++;
      this.#counts.images += images.length / PIXELS;
      return predict(images);
    };
    this.#batcher = new Batcher(counted, this.#options.maxBatch);
    this.#run = this.#options.maxBatch > 1 ? (image) => this.#batcher.run(image) : async (image) => (await counted(image)).data;
  }

  get counts(): Counts {
    return { ...this.#counts, waiting: this.#batcher.waiting };
  }

  /** Listens on this machine's own address (`host` for others); port 0 is any free one. Resolves to the port. */
  listen(port: number, host = '127.0.0.1'): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Accepts nothing more, and resolves when every request that was accepted has its answer. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      const timer = setTimeout(() => this.#server.closeAllConnections(), this.#options.grace);
      this.#server.close(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    return this.#closing;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#counts.active++;
    try {
      this.#send(response, 200, await this.#route(request));
    } catch (thrown) {
      if (thrown instanceof HttpError) this.#send(response, thrown.status, { error: thrown.message }, thrown.headers);
      else if (!request.errored) {
        // The client learns nothing of the inside; the operator does.
        console.error(thrown);
        this.#send(response, 500, { error: 'Internal error' });
      }
    }
    this.#counts.active--;
    this.#counts.requests++;
  }

  async #route(request: IncomingMessage): Promise<object> {
    const [path] = (request.url ?? '').split('?');
    if (path === '/health') {
      allow(request, 'GET');
      return { status: this.#closing === undefined ? 'ok' : 'closing', ...this.counts };
    }
    if (path !== '/classify') throw new HttpError(404, `Expected /classify or /health but received ${path}`);
    allow(request, 'POST');
    if (this.#counts.active > this.#options.maxRequests) throw new HttpError(503, 'Too many requests', { 'retry-after': '1' });
    return classification(await this.#run(await readImage(request)));
  }

  #send(response: ServerResponse, status: number, body: object, headers: Readonly<Record<string, string>> = {}): void {
    const text = JSON.stringify(body);
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...(this.#closing === undefined ? {} : { connection: 'close' }),
      ...headers,
    });
    response.end(text);
  }
}

function allow({ method }: IncomingMessage, allowed: string): void {
  if (method !== allowed) throw new HttpError(405, `Expected ${allowed} but received ${method}`, { allow: allowed });
}
