/** The example service over HTTP. Where calls have to overlap, a model that waits for the test decides when; no clock does. */
import { Agent } from 'node:http';
import { connect } from 'node:net';
import * as reference from 'lowp/reference';
import { loadMnist, PIXELS, range } from '../../examples/digits/mnist';
import { classify, countEqual, forward, toFloat, type Network } from '../../examples/digits/network';
import { pack, quantizedPixels, quantizeStatic, type StaticNetwork } from '../../examples/digits/quantized';
import { HYPERPARAMETERS, train } from '../../examples/digits/train';
import { Batcher } from '../../examples/service/batcher';
import { classification, dispose, MODES, predictor, type Predict } from '../../examples/service/model';
import { Service, type ServiceOptions } from '../../examples/service/server';
import { call, type Answer } from '../helpers/http';

const COUNT = 40;
const mnist = loadMnist();
const calibration = range(mnist.train, 0, 100).images;
const test = range(mnist.test, 0, COUNT);
const images = Array.from({ length: COUNT }, (_, i) => range(test, i, i + 1).images);

let network: Network;
let packed: StaticNetwork;
const services: Service[] = [];

beforeAll(() => {
  network = train(range(mnist.train, 0, 3000), { ...HYPERPARAMETERS, sizes: [PIXELS, 40, 20, 10], epochs: 3 });
  packed = pack(quantizeStatic(network, calibration));
});

afterEach(async () => {
  for (const service of services.splice(0)) await service.close();
});

afterAll(() => dispose(packed));

async function serve(predict: Predict, options?: ServiceOptions): Promise<{ service: Service; port: number }> {
  const service = new Service(predict, options);
  services.push(service);
  return { service, port: await service.listen(0) };
}

function post(port: number, image: Uint8Array, agent?: Agent): Promise<Answer> {
  const headers = { 'content-type': 'application/octet-stream' };
  return call(port, { method: 'POST', path: '/classify', headers, body: image, agent });
}

function postJson(port: number, body: string): Promise<Answer> {
  return call(port, { method: 'POST', path: '/classify', headers: { 'content-type': 'application/json' }, body });
}

/** What the service has to answer: this library called directly. */
function direct(image: Uint8Array): object {
  const { data } = predictor(packed, 'sync')(image) as { data: Float32Array };
  return classification(data);
}

/** A model whose calls wait until the test lets them go, in order. `sizes` are those of the calls so far. */
function pausedModel(): {
  predict: Predict;
  sizes: number[];
  release: (error?: Error) => void;
  called: (n: number) => Promise<void>;
} {
  const sizes: number[] = [];
  const paused: ((error?: Error) => void)[] = [];
  const watchers: (() => void)[] = [];
  const predict: Predict = async (batch) => {
    sizes.push(batch.length / PIXELS);
    const released = new Promise<void>((resolve, reject) => {
      paused.push((error) => (error === undefined ? resolve() : reject(error)));
    });
    for (const watcher of watchers.splice(0)) watcher();
    await released;
    return predictor(packed, 'async')(batch);
  };
  const called = async (n: number): Promise<void> => {
    while (sizes.length < n) await new Promise<void>((resolve) => watchers.push(resolve));
  };
  return { predict, sizes, called, release: (error) => paused.shift()?.(error) };
}

/** Until the service has received so many requests that it has not answered. */
async function untilActive(service: Service, n: number): Promise<void> {
  while (service.counts.active < n) await new Promise((resolve) => setImmediate(resolve));
}

const configurations = MODES.flatMap((mode) => [1, 8].map((maxBatch) => ({ mode, maxBatch })));

describe.each(configurations)('service > $mode > batch $maxBatch', ({ mode, maxBatch }) => {
  it('answers as direct calls do, to requests at the same time over kept connections too', async () => {
    const { service, port } = await serve(predictor(packed, mode), { maxBatch });
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const answers = await Promise.all(images.map((image) => post(port, image, agent)));
    agent.destroy();
    expect(answers.map(({ status }) => status)).toEqual(images.map(() => 200));
    expect(answers.map(({ body }) => body)).toEqual(images.map(direct));
    expect(service.counts).toMatchObject({ requests: COUNT, active: 0, waiting: 0, images: COUNT });
    if (maxBatch === 1) expect(service.counts.calls).toBe(COUNT);
    else expect(service.counts.calls).toBeGreaterThanOrEqual(COUNT / maxBatch);
  });

  it('takes JSON as well', async () => {
    const { port } = await serve(predictor(packed, mode), { maxBatch });
    const answer = await postJson(port, JSON.stringify({ pixels: [...images[3]] }));
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' }, body: direct(images[3]) });
  });
});

describe('service > results', () => {
  it('are those of the oracle, integer for integer up to the logits, and near those of float32', async () => {
    const { hidden, last } = quantizeStatic(network, calibration);
    let x = quantizedPixels(test.images);
    for (const { weights, bias, output } of hidden) {
      x = reference.quantizedMatmul(x, weights, { bias, activation: 'relu', output });
    }
    const logits = reference.quantizedMatmul(x, last.weights, { bias: last.bias });
    const { port } = await serve(predictor(packed, 'async'), { maxBatch: 16 });
    const answers = await Promise.all(images.map((image) => post(port, image)));
    const expected = images.map((_, i) => classification(logits.data.subarray(10 * i, 10 * i + 10)));
    expect(answers.map(({ body }) => body)).toEqual(expected);
    const digits = Uint8Array.from(expected, ({ digit }) => digit);
    const float = classify(forward(network, toFloat(test.images))[network.length - 1]);
    expect(countEqual(digits, float)).toBeGreaterThanOrEqual(COUNT - 2);
    expect(countEqual(digits, test.labels)).toBeGreaterThan(0.7 * COUNT);
  });

  it('are probabilities, also for logits whose powers are infinite', () => {
    const { digit, probabilities } = classification(Float32Array.of(-1000, 1000, 999));
    expect(digit).toBe(1);
    expect(probabilities[0]).toBe(0);
    expect(probabilities[1]).toBeCloseTo(1 / (1 + Math.exp(-1)), 12);
    expect(probabilities.reduce((sum, p) => sum + p)).toBeCloseTo(1, 12);
  });
});

describe('service > batches', () => {
  it('take what waits, up to the maximum, and give each request its own answer', async () => {
    const { predict, sizes, release, called } = pausedModel();
    const { service, port } = await serve(predict, { maxBatch: 4 });
    const first = post(port, images[0]);
    await called(1);
    const others = images.slice(1, 10).map((image) => post(port, image));
    while (service.counts.waiting < 9) await new Promise((resolve) => setImmediate(resolve));
    expect(sizes).toEqual([1]);
    for (const n of [2, 3, 4]) {
      release();
      await called(n);
    }
    release();
    const answers = await Promise.all([first, ...others]);
    expect(answers.map(({ body }) => body)).toEqual(images.slice(0, 10).map(direct));
    expect(sizes).toEqual([1, 4, 4, 1]);
    expect(service.counts).toMatchObject({ requests: 10, calls: 4, images: 10 });
  });

  it('hold what one turn of the event loop brought, where calls are synchronous', async () => {
    const sizes: number[] = [];
    const batcher = new Batcher((batch) => {
      sizes.push(batch.length / PIXELS);
      return predictor(packed, 'sync')(batch);
    }, 4);
    const logits = await Promise.all(images.slice(0, 6).map((image) => batcher.run(image)));
    expect(sizes).toEqual([4, 2]);
    expect(logits.map(classification)).toEqual(images.slice(0, 6).map(direct));
  });

  it('fail alone: the requests of that batch get 500, those of the next an answer', async () => {
    const log = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const { predict, sizes, release, called } = pausedModel();
    const { service, port } = await serve(predict, { maxBatch: 2 });
    const sent: Promise<Answer>[] = [];
    for (let i = 0; i < 5; i++) {
      sent.push(post(port, images[i]));
      if (i === 0) await called(1);
      else await untilActive(service, i + 1);
    }
    while (service.counts.waiting < 4) await new Promise((resolve) => setImmediate(resolve));
    release();
    await called(2);
    release(new Error('secret of the model'));
    await called(3);
    release();
    const answers = await Promise.all(sent);
    expect(sizes).toEqual([1, 2, 2]);
    expect(answers.map(({ status }) => status)).toEqual([200, 500, 500, 200, 200]);
    expect([answers[0], answers[3], answers[4]].map(({ body }) => body)).toEqual([0, 3, 4].map((i) => direct(images[i])));
    expect(answers[1].body).toEqual({ error: 'Internal error' });
    expect(log).toHaveBeenCalledTimes(2);
    log.mockRestore();
  });

  it('fail alone where a synchronous model throws', async () => {
    let calls = 0;
    const batcher = new Batcher((batch) => {
      if (++calls === 1) throw new Error('first');
      return predictor(packed, 'sync')(batch);
    }, 1);
    const results = await Promise.allSettled([batcher.run(images[0]), batcher.run(images[1])]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });
});

describe('service > refuses', () => {
  const octets = { 'content-type': 'application/octet-stream' };
  const json = { 'content-type': 'application/json' };
  const pixels = (value: unknown): string => JSON.stringify({ pixels: Array.from({ length: PIXELS }, () => value) });
  const classifyWith = { method: 'POST', path: '/classify' };

  it.each([
    [
      'too few bytes',
      { ...classifyWith, headers: octets, body: new Uint8Array(783) },
      400,
      'Expected 784 bytes but received 783',
    ],
    [
      'too many bytes',
      { ...classifyWith, headers: octets, body: new Uint8Array(785) },
      400,
      'Expected 784 bytes but received 785',
    ],
    ['no body', { ...classifyWith, headers: octets }, 400, 'Expected 784 bytes but received 0'],
    ['no JSON', { ...classifyWith, headers: json, body: '{"pixels": [' }, 400, 'Expected JSON: '],
    ['other JSON', { ...classifyWith, headers: json, body: 'null' }, 400, 'Expected { "pixels": [...] }'],
    ['few pixels', { ...classifyWith, headers: json, body: '{"pixels":[1,2]}' }, 400, 'Expected 784 pixels but received 2'],
    ['large pixels', { ...classifyWith, headers: json, body: pixels(256) }, 400, 'but received 256 for pixel 0'],
    ['text as pixels', { ...classifyWith, headers: json, body: pixels('1') }, 400, 'but received "1" for pixel 0'],
    ['a large body', { ...classifyWith, headers: octets, body: new Uint8Array(1 << 20) }, 413, 'Expected at most 12544 bytes'],
    ['another type', { ...classifyWith, headers: { 'content-type': 'image/png' }, body: 'x' }, 415, 'but received image/png'],
    ['no type', { ...classifyWith, body: 'x' }, 415, 'but received none'],
    ['another path', { path: '/nowhere?x=1' }, 404, 'Expected /classify or /health but received /nowhere'],
    ['GET /classify', { path: '/classify' }, 405, 'Expected POST but received GET'],
    ['DELETE /health', { method: 'DELETE', path: '/health' }, 405, 'Expected GET but received DELETE'],
  ])('%s', async (_, request, status, message) => {
    const { service, port } = await serve(predictor(packed, 'sync'));
    const answer = await call(port, request);
    expect(answer).toMatchObject({ status, body: { error: expect.stringContaining(message) } });
    if (status === 405) expect(answer.headers.allow).toBe(message.split(' ')[1]);
    expect(service.counts.calls).toBe(0);
    expect((await post(port, images[0])).body).toEqual(direct(images[0]));
  });

  it('what is more than it can hold, until there is room', async () => {
    const { predict, release, called } = pausedModel();
    const { service, port } = await serve(predict, { maxRequests: 2 });
    const sent = [post(port, images[0]), post(port, images[1])];
    await called(2);
    const third = await post(port, images[2]);
    expect(third).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect((await call(port, { path: '/health' })).body).toMatchObject({ status: 'ok', active: 3 });
    release();
    release();
    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([200, 200]);
    expect(service.counts.calls).toBe(2);
  });

  it('nothing more after a client that hung up', async () => {
    const { service, port } = await serve(predictor(packed, 'sync'));
    const socket = connect(port, '127.0.0.1');
    socket.write(
      'POST /classify HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\ncontent-length: 784\r\n\r\nabc',
    );
    await untilActive(service, 1);
    socket.destroy();
    while (service.counts.active > 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await post(port, images[0])).body).toEqual(direct(images[0]));
  });
});

describe('service > close', () => {
  it('answers the requests that it has accepted, and accepts no others', async () => {
    const { predict, sizes, release, called } = pausedModel();
    const { service, port } = await serve(predict, { maxBatch: 2 });
    const agent = new Agent({ keepAlive: true });
    const sent = [post(port, images[0], agent)];
    await called(1);
    sent.push(post(port, images[1], agent), post(port, images[2], agent));
    while (service.counts.waiting < 2) await new Promise((resolve) => setImmediate(resolve));
    let closed = false;
    const closing = service.close().then(() => (closed = true));
    await expect(post(port, images[3])).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(closed).toBe(false);
    release();
    await called(2);
    release();
    const answers = await Promise.all(sent);
    expect(answers.map(({ body }) => body)).toEqual(images.slice(0, 3).map(direct));
    expect(answers.map(({ headers }) => headers.connection)).toEqual(['close', 'close', 'close']);
    await closing;
    expect(sizes).toEqual([1, 2]);
    expect(service.close()).toBe(service.close());
    agent.destroy();
  });

  it('closes connections that wait for nothing', async () => {
    const { service, port } = await serve(predictor(packed, 'sync'));
    const agent = new Agent({ keepAlive: true });
    await post(port, images[0], agent);
    await service.close();
    agent.destroy();
  });

  it('drops the requests that outlast its grace', async () => {
    const { predict, release, called } = pausedModel();
    const { service, port } = await serve(predict, { grace: 1 });
    const sent = expect(post(port, images[0])).rejects.toMatchObject({ code: 'ECONNRESET' });
    await called(1);
    await service.close();
    await sent;
    release();
    while (service.counts.active > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});
