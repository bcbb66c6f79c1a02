/** `npm run bench -- [case...] [options]`: verifies, then times, the named cases (default: all). */
import { parseArgs } from 'node:util';
import { runtime } from 'lowp';
import { conv, convThreads, convWinograd } from './cases/conv';
import { cuda } from './cases/cuda';
import { epilogue } from './cases/epilogue';
import { float16 } from './cases/float16';
import { nbits } from './cases/nbits';
import { overhead } from './cases/overhead';
import { pool } from './cases/pool';
import { qgemm, qgemmSweep } from './cases/qgemm';
import { search } from './cases/search';
import { service } from './cases/service';
import { sgemm, sgemmSweep } from './cases/sgemm';
import { sparse } from './cases/sparse';
import { svd } from './cases/svd';
import { TABLES } from './cuda/tables';
import { describeMachine } from './machine';
import { openPeers } from './peers/peer';
import { Report } from './report';
import { InputError, type BenchCase } from './types';

/** Every case there is, in the order in which they run. */
const CASES: readonly BenchCase[] = [
  qgemm,
  sgemm,
  float16,
  sparse,
  nbits,
  qgemmSweep,
  sgemmSweep,
  conv,
  convThreads,
  convWinograd,
  pool,
  svd,
  epilogue,
  search,
  overhead,
  service,
  cuda,
];

const USAGE = `usage: npm run bench -- [case...] [options]
cases (default: all; cuda where there is a device):
${CASES.map((c) => `  ${c.name.padEnd(12)}${c.about}`).join('\n')}
options:
  --quick         fewer repetitions
  --isa NAME      the best instruction set to use (default: detection)
  --threads N     threads of each call (default: 1)
  --shapes FILE   MxNxK lines in place of a case's own; for the first table of sparse MxKxN and percentages; for conv,
                  conv-threads, conv-winograd and pool layers and svd matrices, as in bench/shapes
  --network NAME  of the service case: digits or mlp (default: both)
  --tables NAMES  of the cuda case: some of ${TABLES.join(',')} (default: all; copy comes with each)
  --peers         other libraries beside ours: onnxruntime-node; oneDNN, OpenBLAS, Eigen and libxsmm where they are installed,
                  with cmake and g++ (Debian: apt-get install cmake g++ libdnnl-dev libopenblas-dev libeigen3-dev libxsmm-dev);
                  NumPy, SciPy and scikit-learn (python3-numpy python3-scipy python3-sklearn); PyTorch on a CUDA device
  --json FILE     write JSON lines
  --out DIR       write a Markdown page, JSON lines and plots, named by date and CPU`;

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      isa: { type: 'string' },
      threads: { type: 'string', default: '1' },
      shapes: { type: 'string' },
      network: { type: 'string' },
      tables: { type: 'string' },
      peers: { type: 'boolean', default: false },
      json: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.find((name) => !CASES.some((c) => c.name === name));
  if (unknown !== undefined)
    throw new InputError(`Expected one of ${CASES.map((c) => c.name).join(', ')} but received '${unknown}'`);
  const threads = Number(values.threads);
  if (!Number.isInteger(threads) || threads < 1) {
    throw new InputError(`Expected an integer of at least 1 for --threads but received '${values.threads}'`);
  }
  const cases = CASES.filter((c) => (positionals.length === 0 ? c.onDemand?.() !== true : positionals.includes(c.name)));
  return { ...values, threads, cases };
}

async function main(): Promise<void> {
  const { cases: named, quick, isa, threads, shapes, network, tables, peers: wanted, json, out, help } = readArguments();
  if (help) return console.log(USAGE);
  if (runtime.backend === 'reference') throw new InputError('Expected the native backend but LOWP_BACKEND=reference is set');
  if (isa !== undefined) runtime.isa = isa;
  runtime.threads = threads;
  const cases = named.filter((each) => each.missing?.() === undefined);
  for (const each of named) if (!cases.includes(each)) console.log(`${each.name}: ${each.missing?.()}`);
  if (cases.length === 0) return;
  const kinds = { host: cases.some((each) => each.device !== true), device: cases.some((each) => each.device === true) };
  const { peers, missing } = wanted ? await openPeers(threads, kinds) : { peers: [], missing: [] };
  try {
    const report = new Report(describeMachine(threads, peers, missing), peers);
    // All are opened before the first one runs: a mistake in the arguments should not cost minutes.
    const opened = cases.map((each) => ({
      each,
      tables: [each.open({ threads, quick, shapes, network, tables, peers })].flat(),
    }));
    for (const { each, tables } of opened) for (const table of tables) await report.add(each, table);
    if (json !== undefined) report.writeJson(json);
    if (out !== undefined) console.log(`\nwrote ${(await report.writeInto(out)).join(', ')}`);
  } finally {
    for (const peer of peers) await peer.close();
  }
}

main().catch((thrown: unknown) => {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const expected = thrown instanceof InputError || code.startsWith('ERR_LOWP') || code.startsWith('ERR_PARSE_ARGS');
  console.error(expected && thrown instanceof Error ? `${thrown.message}\n(--help lists cases and options)` : thrown);
  process.exitCode = 1;
});
