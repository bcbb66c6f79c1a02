'use strict';
// npm test, after set-up: types, lint, and all jest tests. Closes with the totals on a line of their own.
//   arguments are passed to jest
const { spawnSync } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { dirname, join } = require('node:path');

const root = join(__dirname, '..');

function runPackage(name, bin, args) {
  const script = join(dirname(require.resolve(`${name}/package.json`, { paths: [root] })), bin);
  return spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' }).status === 0;
}

const results = mkdtempSync(join(tmpdir(), 'lowp-test-'));
const file = join(results, 'jest.json');
const checks = [
  ['types', runPackage('typescript', 'bin/tsc', ['--noEmit'])],
  ['eslint', runPackage('eslint', 'bin/eslint.js', ['.'])],
  ['prettier', runPackage('prettier', 'bin/prettier.cjs', ['--check', '--log-level=warn', '.'])],
  ['jest', runPackage('jest', 'bin/jest.js', ['--json', `--outputFile=${file}`, ...process.argv.slice(2)])],
];
const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = JSON.parse(readFileSync(file, 'utf8'));
rmSync(results, { recursive: true });

const failed = checks.filter(([, ok]) => !ok).map(([name]) => name);
console.log(failed.length === 0 ? 'types, eslint, prettier and jest passed' : `failed: ${failed.join(', ')}`);
console.log(`${numPassedTests} passed, ${numFailedTests + numFailedTestSuites} failed, ${numPendingTests} skipped`);
process.exitCode = failed.length === 0 && numPassedTests > 0 ? 0 : 1;
