'use strict';
// Running programs, and Debian packages that tests need.
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');

/** Runs a program with its output shown; ends this process where it fails. */
function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
    ...options,
  });
  if (error) throw error;
  if (status !== 0) {
    console.error(`Expected exit status 0 from ${command} ${args.join(' ')} but received ${status}`);
    process.exit(1);
  }
}

/** Whether a command, or a file given by its whole path, is there. */
function has(command) {
  if (command.startsWith('/')) return existsSync(command);
  return spawnSync('which', [command], { stdio: 'ignore' }).status === 0;
}

/**
 * needs: { command: package } or { '/path/of/a/file': package }. As root on Debian, installs what is missing; elsewhere names it.
 * False where it stays missing.
 */
function ensureTools(needs) {
  if (process.platform === 'win32') return true;
  const missing = [
    ...new Set(
      Object.keys(needs)
        .filter((command) => !has(command))
        .map((command) => needs[command]),
    ),
  ];
  if (missing.length === 0) return true;
  if (process.getuid() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.warn(`Missing: ${missing.join(', ')} (Debian's package names)`);
    return false;
  }
  console.log(`Installing ${missing.join(', ')}`);
  run('apt-get', ['update', '-qq']);
  run('apt-get', ['install', '-qq', '-y', '--no-install-recommends', ...missing]);
  return true;
}

module.exports = { ensureTools, has, root, run };
