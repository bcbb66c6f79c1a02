/** The tables of the CUDA device, by name. */
import { join } from 'node:path';
import { runtime } from 'lowp';
import { hasDevice, type CudaPeer } from '../peers/torch';
import { readSvdShapes, type SvdShape } from '../svd/problem';
import { svdTable } from '../svd/table';
import { InputError, type Settings, type Table } from '../types';
import { convolutions } from './conv';
import { calls, copies, transfers } from './copies';
import { floatProducts, int4Products, int8Products } from './gemm';
import type { Family, Scale } from './lane';
import { sparseProducts } from './sparse';
import { ABOUT, deviceTable, titleOf, type Run } from './table';

const SVD_SHAPES = join(__dirname, '..', 'shapes', 'svd.txt');
const TINY_SVD: readonly SvdShape[] = [{ m: 256, n: 256, spectrum: 'power', rank: 4 }];

/** `copy` comes first: the others give shares of it. */
const FAMILIES: Readonly<Record<string, (scale: Scale) => Family>> = {
  copy: copies,
  int8: int8Products,
  float: floatProducts,
  int4: int4Products,
  sparse: sparseProducts,
  conv: convolutions,
  transfer: transfers,
  call: calls,
};
export const TABLES: readonly string[] = [...Object.keys(FAMILIES), 'svd'];

function chosen(names: string | undefined): readonly string[] {
  if (names === undefined) return TABLES;
  const wanted = names.split(',');
  const unknown = wanted.find((name) => !TABLES.includes(name));
  if (unknown !== undefined) throw new InputError(`Expected some of ${TABLES.join(',')} for --tables but received '${unknown}'`);
  return TABLES.filter((name) => name === 'copy' || wanted.includes(name));
}

function describe(): string {
  const { device } = runtime.cuda;
  if (device === undefined) return '';
  const { name, capability, multiprocessors, driver, runtime: version, totalBytes } = device;
  return `${name}: capability ${capability}, ${multiprocessors} multiprocessors, ${(totalBytes / 2 ** 30).toFixed(0)} GiB; driver ${driver}, CUDA ${version}.`;
}

function svdOf(settings: Settings, scale: Scale, torch: CudaPeer | undefined): Table {
  const shapes = scale === 'tiny' ? TINY_SVD : readSvdShapes(SVD_SHAPES);
  const peers = torch === undefined ? [] : settings.peers.filter((peer) => peer.cuda === torch);
  const own = { ...settings, quick: scale !== 'full', peers: peers.map((peer) => ({ ...peer, svd: torch?.svd })) };
  return svdTable(titleOf('truncated SVD', scale), 'cuda-svd', scale === 'quick' ? shapes.slice(0, 1) : shapes, own, 'cuda');
}

export function deviceTables(settings: Settings): Table[] {
  const scale = !hasDevice() ? 'tiny' : settings.quick ? 'quick' : 'full';
  const torch = settings.peers.find((peer) => peer.cuda !== undefined)?.cuda;
  const run: Run = { scale, torch, copy: undefined };
  return chosen(settings.tables).map((name, i) => {
    if (name === 'svd') return svdOf(settings, scale, torch);
    const family = FAMILIES[name](scale);
    const general = i === 0 ? [describe(), ...ABOUT, ...(torch?.about ?? [])] : [];
    return deviceTable({ ...family, caption: [...general, ...family.caption] }, run);
  });
}
