/** onnxruntime's CPU operators as judge of the poolings: equal, or within float32's rounding. */
import { averagePool2d, globalAveragePool2d, maxPool2d, type AveragePool2dOptions } from 'lowp';
import { expectNear, expectSame } from '../helpers/compare';
import { bytes, judge, product, type Byte } from '../helpers/judge';
import { scalar, type Dtype, type Operator } from '../helpers/onnx';
import { Random } from '../helpers/random';

interface Pool {
  readonly title: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly options: AveragePool2dOptions;
  readonly attributes: NonNullable<Operator['attributes']>;
}

/** `dilated`: where onnxruntime has dilations. */
function poolCase(r: Random, dilated: boolean): Pool {
  const kernel = [r.int(1, 3), r.int(1, 3)];
  const strides = [r.int(1, 3), r.int(1, 3)];
  const dilations = dilated ? [r.int(1, 2), r.int(1, 2)] : [1, 1];
  // onnxruntime wants padding below the kernel.
  const padding = [0, 1, 2, 3].map((i) => r.int(0, kernel[i % 2] - 1));
  const ceilMode = r.chance(0.3);
  const x = [r.int(1, 2), r.int(1, 5), r.int(6, 9), r.int(6, 9)];
  const out = [0, 1].map((i) => {
    const steps = (x[i + 2] + padding[i] + padding[i + 2] - (kernel[i] - 1) * dilations[i] - 1) / strides[i];
    const count = (ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
    return ceilMode && (count - 1) * strides[i] >= x[i + 2] + padding[i] ? count - 1 : count;
  });
  const options = { kernel, strides, dilations, padding, ceilMode };
  const attributes = { kernel_shape: kernel, strides, pads: padding, ceil_mode: ceilMode ? 1 : 0 };
  return {
    ...{ x, y: [x[0], x[1], ...out], options, title: `x [${x.join(', ')}] ${JSON.stringify(options)}` },
    attributes: dilated ? { ...attributes, dilations } : attributes,
  };
}

describe('pooling', () => {
  test.each<Dtype>(['float32', 'uint8', 'int8'])('MaxPool > %s > 200 cases', async (dtype) => {
    const r = new Random(`MaxPool ${dtype}`);
    await judge(200, (i) => {
      const { x, y, options, attributes, title } = poolCase(r, true);
      const shape = [...x];
      const image =
        dtype === 'float32'
          ? { data: r.floats(product(x)), shape }
          : { data: bytes(r, dtype as Byte, product(x)), shape, scale: 1, zeroPoint: 0 };
      return {
        title,
        operator: { opType: 'MaxPool', inputs: [image], outputs: [{ dtype, shape: y }], attributes },
        check: (want) => expectSame(maxPool2d(image, options).data, want, `case ${i} ${title}`),
      };
    });
  });

  test('AveragePool > 300 cases', async () => {
    const r = new Random('AveragePool');
    await judge(300, (i) => {
      const { x, y, options, attributes, title } = poolCase(r, true);
      const image = { data: r.floats(product(x)), shape: x };
      const countIncludePad = r.chance(0.5);
      const more = { ...attributes, count_include_pad: countIncludePad ? 1 : 0 };
      return {
        title,
        operator: { opType: 'AveragePool', inputs: [image], outputs: [{ dtype: 'float32', shape: y }], attributes: more },
        check: (want) => {
          const got = averagePool2d(image, { ...options, countIncludePad });
          expectNear(got.data, want, 1e-5, `case ${i} ${title} ${countIncludePad}`);
        },
      };
    });
  });

  test('QLinearGlobalAveragePool > equal, 100 cases', async () => {
    const r = new Random('QLinearGlobalAveragePool');
    await judge(100, (i) => {
      const x = [r.int(1, 2), r.int(1, 9), r.pick([1, 2, 4, 7]), r.pick([2, 3, 8])];
      // Powers of two make ties.
      const scale = r.pick([0.5, Math.fround(r.real(0.1, 1))]);
      const image = { data: bytes(r, 'uint8', product(x)), shape: x, scale, zeroPoint: r.int(0, 255) };
      const output = {
        dtype: 'uint8',
        scale: Math.fround(scale * r.pick([1, 0.5, r.real(0.1, 2)])),
        zeroPoint: r.int(0, 255),
      } as const;
      const inputs = [
        ...[image, scalar(image.scale, 'float32'), scalar(image.zeroPoint, 'uint8')],
        ...[scalar(output.scale, 'float32'), scalar(output.zeroPoint, 'uint8')],
      ];
      const title = `case ${i} x [${x.join(', ')}] ${JSON.stringify(output)}`;
      const outputs = [{ dtype: 'uint8', shape: [x[0], x[1], 1, 1] }] as const;
      return {
        title,
        operator: { ...{ opType: 'QLinearGlobalAveragePool', domain: 'com.microsoft' }, inputs, outputs },
        check: (want) => expectSame(globalAveragePool2d(image, { output }).data, want, title),
      };
    });
  });

  // onnxruntime sums real values in float32 and rounds after adding the zero point, so that ties and their neighbours differ.
  test('QLinearAveragePool > at most 1 apart, 100 cases', async () => {
    const r = new Random('QLinearAveragePool');
    await judge(100, (i) => {
      const { x, y, options, attributes, title } = poolCase(r, false);
      const image = { data: bytes(r, 'uint8', product(x)), shape: x, scale: 0.25, zeroPoint: r.int(0, 255) };
      const output = { dtype: 'uint8', scale: Math.fround(r.real(0.1, 0.5)), zeroPoint: r.int(0, 255) } as const;
      const inputs = [
        ...[image, scalar(image.scale, 'float32'), scalar(image.zeroPoint, 'uint8')],
        ...[scalar(output.scale, 'float32'), scalar(output.zeroPoint, 'uint8')],
      ];
      const outputs = [{ dtype: 'uint8', shape: y }] as const;
      return {
        title,
        operator: { ...{ opType: 'QLinearAveragePool', domain: 'com.microsoft' }, inputs, outputs, attributes },
        check: (want) => expectNear(averagePool2d(image, { ...options, output }).data, want, 1, `case ${i} ${title}`),
      };
    });
  });
});
