const { join } = require('node:path');

// Where there is no GPU, or none is asked for, the CUDA device is an emulated one.
process.env.LOWP_CUDA_LIBRARY ??= join(__dirname, 'build', 'Release', 'lowp_cuda_emulated.so');

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/build'],
  moduleFileExtensions: ['ts', 'js', 'cjs', 'mjs', 'json', 'node'],
  moduleNameMapper: {
    '^lowp$': '<rootDir>/lib/index.ts',
    '^lowp/reference$': '<rootDir>/lib/reference/index.ts',
  },
  // isolatedModules (tsconfig.json) makes ts-jest transpile only; the type check is `tsc --noEmit`, once, not once per test file.
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/tsconfig.json' }] },
  // A cold transpile and the first load of the binary both count against the first test of a file.
  testTimeout: 30000,
};
