/** The instruction sets and kernels that tests have to exercise. */
import { runtime, type Kernel } from 'lowp';

/** Built into this binary and supported by this machine, best first. Only the best where calls run on the CUDA device anyway. */
export function usableIsas(): string[] {
  if (runtime.backend === 'reference') return ['reference'];
  if (runtime.device === 'cuda') return [runtime.isa];
  return runtime.isas().flatMap((isa) => (isa.built && isa.supported ? [isa.name] : []));
}

/** To be called in a describe block: its tests run with `isa`. Restored afterwards, because files share the process. */
export function useIsa(isa: string): void {
  beforeAll(() => {
    runtime.isa = isa;
  });
  afterAll(resetIsa);
}

export function resetIsa(): void {
  runtime.isa = process.env.LOWP_ISA ?? 'auto';
}

/** The kernel that `family` runs under `isa`; undefined with the reference backend. */
export function kernelOf(family: string, isa: string): Kernel | undefined {
  try {
    runtime.isa = isa;
    return runtime.kernels().find((kernel) => kernel.family === family && kernel.selected);
  } finally {
    resetIsa();
  }
}

export interface Tile {
  readonly mr: number;
  readonly nr: number;
  readonly kr: number;
}

/** The register tile from a kernel's name: `qgemm_u8s8s32_14x32c4__avx512vnni`. */
export function tileOf(family: string, isa: string): Tile {
  const kernel = kernelOf(family, isa);
  if (kernel === undefined) return { mr: 4, nr: 8, kr: 1 };
  const match = /_(\d+)x(\d+)(?:c(\d+))?__/.exec(kernel.name);
  if (match === null) throw new Error(`Expected MRxNR in the name of ${kernel.name}`);
  return { mr: Number(match[1]), nr: Number(match[2]), kr: Number(match[3] ?? 1) };
}

/** Ascending, each once. */
export function unique(...sizes: number[]): number[] {
  return [...new Set(sizes)].sort((x, y) => x - y);
}

/** One below, at and above a tile's edge, two tiles and a bit, and one. */
export function around(edge: number): number[] {
  return unique(1, edge - 1, edge, edge + 1, 2 * edge + 1).filter((size) => size > 0);
}
