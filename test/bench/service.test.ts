/** The network that the service bench gives to onnxruntime is the one that it gives to lowp. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { encodeNetwork } from '../../bench/service/onnxruntime';
import type { QuantizedNetwork } from '../../bench/service/network';
import { pack, forwardStatic, PIXEL_SCALE } from '../../examples/digits/quantized';
import '../helpers/onnx';

const COUNT = 5;

/** Weights within 63, so that sums of two products fit 16 bits: onnxruntime's u8s8 kernels saturate beyond where VNNI is missing. */
function layer(inputs: number, outputs: number) {
  const data = Int8Array.from({ length: inputs * outputs }, (_, i) => ((i * 37) % 127) - 63);
  const scale = Float32Array.from({ length: outputs }, (_, n) => 0.001 * (n + 1));
  return { data, shape: [inputs, outputs], scale, zeroPoint: 0, axis: 1 };
}

test('encodeNetwork > hidden layers equal, logits within the rounding of the last bias', async () => {
  const output = { dtype: 'uint8', scale: 0.05, zeroPoint: 0 } as const;
  const network: QuantizedNetwork = {
    hidden: [
      { weights: layer(12, 9), bias: Int32Array.from({ length: 9 }, (_, n) => 5000 * (n - 4)), output },
      { weights: layer(9, 7), bias: Int32Array.from({ length: 7 }, (_, n) => 500 * (n - 3)), output },
    ],
    last: { weights: layer(7, 4), bias: Float32Array.of(0.5, -0.25, 0, 2) },
  };
  const data = Uint8Array.from({ length: COUNT * 12 }, (_, i) => (i * 91) % 256);
  const ours = forwardStatic(pack(network), { data, shape: [COUNT, 12], scale: PIXEL_SCALE, zeroPoint: 0 });
  const session = await InferenceSession.create(encodeNetwork(network), { intraOpNumThreads: 1 });
  const { logits } = await session.run({ pixels: new Tensor('uint8', data, [COUNT, 12]) });
  await session.release();
  expect(logits.dims).toEqual(ours.shape);
  expect(new Set(ours.data).size).toBeGreaterThan(COUNT);
  for (let i = 0; i < ours.data.length; i++) {
    // Half a unit of the int32 bias, and float32 roundings.
    const unit = output.scale * 0.001 * ((i % 4) + 1);
    expect(Math.abs(Number(logits.data[i]) - ours.data[i])).toBeLessThanOrEqual(unit / 2 + 1e-5);
  }
});
