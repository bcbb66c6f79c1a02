/** The machine that the figures are from, and the most that one core of it can do. */
import { cpus, loadavg, type CpuInfo } from 'node:os';
import { runtime } from 'lowp';
import { nativeBinding } from '../lib/native/load';
import { version } from '../package.json';
import type { Peer } from './peers/peer';

export type PeakKind = 'int8' | 'float32';

/** Operations a second of one core in a register-only loop of the instructions that the selected kernel is made of. */
export interface Peak {
  readonly isa: string;
  readonly measure: () => number;
}

const FAMILIES = { int8: 'qgemm', float32: 'sgemm' } as const;
const SAMPLE_MS = 2;

/** AVX2 has no exact 8-bit dot product (vpmaddubsw saturates), so its peak is that of the exact 16-bit route. */
const ROUTES: Readonly<Record<string, string>> = {
  'int8 avx2': 'vpmaddwd + vpaddd, the exact route: vpmaddubsw saturates',
};

/** The peak loop of the selected kernel's ISA, else of the next one that has such a loop; undefined for scalar code. */
export function findPeak(kind: PeakKind): Peak | undefined {
  const native = nativeBinding();
  if (native === undefined) return undefined;
  const selected = native.kernels().find((k) => k.family === FAMILIES[kind] && k.selected)?.isa ?? '';
  const isas = native.isas();
  const candidates = isas.slice(isas.findIndex((i) => i.name === selected)).filter((i) => i.built && i.supported);
  const found = candidates.find((i) => native.peak(kind, i.name, SAMPLE_MS) > 0)?.name;
  return found === undefined ? undefined : { isa: found, measure: () => native.peak(kind, found, SAMPLE_MS) };
}

/** Cores that a call may use: the denominator of a share of the peak. */
export function coresFor(threads: number): number {
  return Math.min(threads, Math.max(1, runtime.cpu.cores));
}

export interface MachineRecord extends Readonly<Record<string, unknown>> {
  readonly date: string;
  readonly cpu: { readonly model: string };
  readonly isa: string;
  readonly threads: number;
  /** Operations a second. */
  readonly peakPerCore: Readonly<Record<PeakKind, number>>;
}

export interface Machine {
  readonly record: MachineRecord;
  readonly lines: readonly string[];
}

export function describeMachine(threads: number, peers: readonly Peer[], missing: readonly string[]): Machine {
  const cpu = runtime.cpu;
  const osModel = cpus()[0]?.model.trim() ?? '';
  const model = cpu.model === '' ? osModel : cpu.model;
  const isas = runtime.isas().filter((i) => i.built && i.supported);
  const kernels = runtime.kernels().filter((k) => k.selected);
  const peaks = { int8: describePeak('int8'), float32: describePeak('float32') };
  const caches = { l1d: cpu.l1d, l2: cpu.l2, l3: cpu.l3 };
  const reads = readBandwidths(caches);
  const load = loadavg()[0];
  const date = new Date().toISOString();
  const peerNames = peers.map((p) => `${p.name} ${p.version}`);
  const lines = [
    `lowp ${version}, ${date}`,
    `cpu      ${model}, ${cpu.cores} cores (${clock(cpus())}), L1d ${size(cpu.l1d)}, L2 ${size(cpu.l2)}, L3 ${size(cpu.l3)}; load ${load.toFixed(2)}`,
    `isa      ${runtime.isa} (usable here: ${isas.map((i) => i.name).join(', ')})`,
    `kernels  ${kernels.map((k) => k.name).join(', ')}`,
    `node     ${process.version} ${process.platform}-${process.arch}; threads ${threads}`,
    `peak     int8 ${peaks.int8.text}`,
    `         float32 ${peaks.float32.text}`,
    `read     ${describeBandwidth(reads)} GB/s a core`,
    `peers    ${peerNames.join(', ') || (missing.length === 0 ? 'not asked for (--peers)' : 'none')}`,
    ...missing.map((m) => `         MISSING ${m}`),
  ];
  const record = {
    record: 'machine',
    lowp: version,
    date,
    cpu: { vendor: cpu.vendor, model, cores: cpu.cores, ...caches },
    load,
    isa: runtime.isa,
    isas: isas.map((i) => i.name),
    kernels: kernels.map((k) => k.name),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    threads,
    peakPerCore: { int8: peaks.int8.perSecond, float32: peaks.float32.perSecond },
    readPerCore: reads,
    peers: peerNames,
    missingPeers: missing,
  };
  return { record, lines };
}

function describePeak(kind: PeakKind): { perSecond: number; text: string } {
  const peak = findPeak(kind);
  if (peak === undefined) return { perSecond: 0, text: 'unknown: no peak loop for scalar code' };
  let perSecond = 0;
  for (let i = 0; i < 20; i++) perSecond = Math.max(perSecond, peak.measure());
  const route = ROUTES[`${kind} ${peak.isa}`];
  const unit = kind === 'int8' ? 'GOPS' : 'GFLOPS';
  return { perSecond, text: `${(perSecond / 1e9).toFixed(0)} ${unit} a core (${peak.isa}${route ? `: ${route}` : ''})` };
}

type Bandwidths = Readonly<Record<'l1d' | 'l2' | 'l3' | 'memory', number>>;

/** Bytes a second: from half of each cache (of a usual one where its size is unknown), and from four times the largest. */
function readBandwidths({ l1d, l2, l3 }: { l1d: number; l2: number; l3: number }): Bandwidths {
  const read = (bytes: number): number => nativeBinding()?.bandwidth(bytes, 60) ?? 0;
  const largest = Math.max(l2, l3) || 32 << 20;
  return {
    l1d: read((l1d || 32 << 10) / 2),
    l2: read((l2 || 256 << 10) / 2),
    l3: l3 === 0 ? 0 : read(l3 / 2),
    memory: read(Math.min(4 * largest, 512 << 20)),
  };
}

function describeBandwidth(reads: Bandwidths): string {
  const names = { l1d: 'L1', l2: 'L2', l3: 'L3', memory: 'memory' };
  const text = (perSecond: number): string => (perSecond === 0 ? 'unknown' : (perSecond / 1e9).toFixed(0));
  return (['l1d', 'l2', 'l3', 'memory'] as const).map((level) => `${names[level]} ${text(reads[level])}`).join(', ');
}

function clock(all: readonly CpuInfo[]): string {
  const mhz = all[0]?.speed ?? 0;
  return mhz > 0 ? `${(mhz / 1000).toFixed(2)} GHz as the system says` : 'clock unknown';
}

function size(bytes: number): string {
  if (bytes === 0) return 'unknown';
  return bytes >= 2 ** 20 ? `${bytes / 2 ** 20} MiB` : `${bytes / 1024} KiB`;
}
