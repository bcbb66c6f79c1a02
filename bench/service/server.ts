/** The process that serves while the bench loads it: the example's service around one backend, and its event loop watched. */
import { monitorEventLoopDelay, performance, type EventLoopUtilization } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { runtime } from 'lowp';
import { pack } from '../../examples/digits/quantized';
import { predictor, type Predict } from '../../examples/service/model';
import { Service, type Counts } from '../../examples/service/server';
import { EXACT_PEER, type Reply, type Request, type ServerFigures, type ServerSettings } from './messages';
import { quantizedNetwork } from './network';

/** Milliseconds between the ticks that are watched; each tick's own distance is not a delay. */
const RESOLUTION = 1;

interface Start {
  readonly time: number;
  readonly cpu: NodeJS.CpuUsage;
  readonly loop: EventLoopUtilization;
  readonly counts: Counts;
}

async function makePredict({ network, backend, threads }: ServerSettings): Promise<Predict> {
  const quantized = quantizedNetwork(network);
  if (backend === 'lowp sync') return predictor(pack(quantized), 'sync');
  if (backend === 'lowp async') return predictor(pack(quantized), 'async');
  return (await import('./onnxruntime.js')).onnxruntimePredictor(quantized, threads, backend === EXACT_PEER);
}

function reply(message: Reply): void {
  process.send?.(message);
}

async function main(): Promise<void> {
  const settings = JSON.parse(process.argv[2]) as ServerSettings;
  runtime.isa = settings.isa;
  runtime.threads = settings.threads;
  const service = new Service(await makePredict(settings), { maxBatch: settings.maxBatch });
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });

  const start = (): Start => {
    delay.reset();
    delay.enable();
    const loop = performance.eventLoopUtilization();
    return { time: performance.now(), cpu: process.cpuUsage(), loop, counts: service.counts };
  };
  const figures = ({ time, cpu, loop, counts }: Start): ServerFigures => {
    delay.disable();
    const { user, system } = process.cpuUsage(cpu);
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION);
    return {
      delayP99: late(delay.percentile(99)),
      delayMax: late(delay.max),
      utilization: performance.eventLoopUtilization(loop).utilization,
      cores: (user + system) / 1000 / (performance.now() - time),
      batch: (service.counts.images - counts.images) / (service.counts.calls - counts.calls),
    };
  };

  let started = start();
  process.on('message', (request: Request) => {
    if (request === 'start') {
      started = start();
      reply({ started: true });
    } else if (request === 'stop') {
      const measured = figures(started);
      // The load has hung up on its last requests: the next configuration is measured when their work is done.
      void untilIdle(service).then(() => reply({ figures: measured }));
    } else void service.close().then(() => process.disconnect());
  });
  process.on('disconnect', () => process.exit());
  reply({ port: await service.listen(0) });
}

async function untilIdle(service: Service): Promise<void> {
  while (service.counts.active > 0 || service.counts.waiting > 0) await sleep(1);
}

main().catch((thrown: unknown) => {
  reply({ failed: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) });
  process.exitCode = 1;
});
