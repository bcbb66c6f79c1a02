/** `npm run service -- [options]`: answers until SIGINT or SIGTERM, then finishes what it has begun. */
import { parseArgs } from 'node:util';
import { runtime } from 'lowp';
import { dispose, loadNetwork, MODES, predictor } from './model';
import { Service } from './server';

const USAGE = `usage: npm run service -- [options]
  --mode sync|async   calls on the event loop, or beside it (default: async)
  --batch N           most images of one call (default: 32; 1: each request is a call of its own)
  --port N            default: 8080; 0: any free one
  --host NAME         default: 127.0.0.1
  --threads N         threads of one call (default: 1)`;

function readArguments() {
  const { values } = parseArgs({
    options: {
      mode: { type: 'string', default: 'async' },
      batch: { type: 'string', default: '32' },
      port: { type: 'string', default: '8080' },
      host: { type: 'string', default: '127.0.0.1' },
      threads: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  const mode = MODES.find((name) => name === values.mode);
  if (mode === undefined) throw new RangeError(`Expected ${MODES.join(' or ')} for --mode but received '${values.mode}'`);
  const integer = (name: 'batch' | 'port' | 'threads', min: number, max: number): number => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new RangeError(`Expected an integer from ${min} to ${max} for --${name} but received '${values[name]}'`);
  };
  return {
    mode,
    maxBatch: integer('batch', 1, 1024),
    port: integer('port', 0, 65_535),
    threads: integer('threads', 1, 256),
    host: values.host,
    help: values.help,
  };
}

async function main(): Promise<void> {
  const { mode, maxBatch, port, host, threads, help } = readArguments();
  if (help) return console.log(USAGE);
  runtime.threads = threads;
  const network = loadNetwork((epoch, loss) => console.log(`training: epoch ${epoch}, loss ${loss.toFixed(4)}`));
  const service = new Service(predictor(network, mode), { maxBatch });
  const listening = await service.listen(port, host);
  console.log(`${mode} calls of up to ${maxBatch} images, ${network.last.weights.kernel}`);
  console.log(`listening on http://${host}:${listening}`);
  const stop = async (): Promise<void> => {
    await service.close();
    dispose(network);
    console.log('stopped');
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
}

main().catch((thrown: unknown) => {
  const expected = thrown instanceof RangeError || (thrown instanceof Error && 'code' in thrown);
  console.error(expected ? `${(thrown as Error).message}\n${USAGE}` : thrown);
  process.exitCode = 1;
});
