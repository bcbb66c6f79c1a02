/** Products of real matrices, from Matrix Market files, on every instruction set. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromMatrixMarket, packSparse, quantizeCsr, sparseMatmul } from 'lowp';
import * as reference from 'lowp/reference';
import { ROOT } from '../helpers/child';
import { expectNear, expectSame } from '../helpers/compare';
import { usableIsas, useIsa } from '../helpers/isas';
import { Random } from '../helpers/random';

const FOLDER = join(ROOT, '.cache', 'matrices');
const EPSILON = 2 ** -23;
const found = existsSync(join(FOLDER, 'lund_a.mtx'));
if (!found) console.warn(`Skipped: products of real matrices, which \`npm test\` as root on Debian fetches into ${FOLDER}`);

// In CI what is missing fails.
(found || process.env.CI !== undefined ? describe : describe.skip).each(usableIsas())('%s', (isa) => {
  useIsa(isa);

  test.each(['lund_a', 'pores_1', 'jgl009'])('%s', (name) => {
    const r = new Random(name);
    const matrix = fromMatrixMarket(readFileSync(join(FOLDER, `${name}.mtx`)));
    const { rows, cols, rowPtr, values } = matrix;
    const longest = Math.max(...Array.from({ length: rows }, (_, i) => rowPtr[i + 1] - rowPtr[i]));
    const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    using packed = packSparse(matrix);
    const quantized = quantizeCsr(matrix, { axis: 0 });
    using packedInt8 = packSparse(quantized);
    for (const n of [1, 7, 64, 100]) {
      const x = { data: r.fill(new Float32Array(cols * n), () => r.real(-1, 1)), shape: [cols, n] };
      const activations = { data: r.fill(new Float32Array(n * cols), () => r.real(-1, 1)), shape: [n, cols] };
      const bytes = {
        data: r.fill(new Uint8Array(n * cols), () => r.int(0, 255)),
        shape: [n, cols],
        scale: 0.02,
        zeroPoint: 120,
      };
      const bound = EPSILON * (longest + 1) * largest * 2;
      expectNear(sparseMatmul(packed, x).data, reference.sparseMatmul(matrix, x).data, bound, `${name} left ${n}`);
      const right = { side: 'right' } as const;
      const wanted = reference.sparseMatmul(activations, matrix, right).data;
      expectNear(sparseMatmul(activations, packed, right).data, wanted, bound, `${name} right ${n}`);
      const exact = reference.sparseMatmul(bytes, quantized, right).data;
      expectSame(sparseMatmul(bytes, packedInt8, right).data, exact, `${name} int8 ${n}`);
    }
  });
});
