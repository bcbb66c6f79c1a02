/** Everything that runs on the CUDA device, beside PyTorch where it is installed. */
import { runtime } from 'lowp';
import { deviceTables } from '../cuda/tables';
import { hasDevice } from '../peers/torch';
import type { BenchCase } from '../types';

export const cuda: BenchCase = {
  name: 'cuda',
  about: 'the CUDA device; on an emulated one, where it is named, tiny shapes whose figures mean nothing',
  device: true,
  missing: () => (runtime.cuda.available ? undefined : runtime.cuda.reason),
  onDemand: () => !hasDevice(),
  open: deviceTables,
};
