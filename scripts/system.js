'use strict';
// Running programs, and Debian packages that tests need.
const { spawnSync } = require('node:child_process');
const { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { basename, join } = require('node:path');

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

/** As root on Debian. */
function canInstall() {
  return process.platform !== 'win32' && process.getuid() === 0 && existsSync('/usr/bin/apt-get');
}

/**
 * Files of a Debian package, given by their paths in it, copied into a folder: only what is missing there, and without installing the
 * package. False where they stay missing, which is for the tests that read them to say.
 */
function ensureFiles(name, paths, folder) {
  const missing = paths.filter((path) => !existsSync(join(folder, basename(path))));
  if (missing.length === 0) return true;
  if (!canInstall()) return false;
  console.log(`Fetching ${missing.length} files of ${name}`);
  const place = mkdtempSync(join(tmpdir(), 'lowp-files-'));
  const silently = (command, args) => spawnSync(command, args, { cwd: place, stdio: 'ignore' }).status === 0;
  try {
    const download = () => silently('apt-get', ['download', '-qq', name]);
    // The lists of packages are often there already, and as often out of date or gone.
    if (!download() && !(silently('apt-get', ['update', '-qq']) && download())) return false;
    const [file] = readdirSync(place);
    if (!silently('dpkg-deb', ['-x', file, 'files'])) return false;
    mkdirSync(folder, { recursive: true });
    for (const path of missing) cpSync(join(place, 'files', path), join(folder, basename(path)));
    return true;
  } finally {
    rmSync(place, { recursive: true });
  }
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
  if (!canInstall()) {
    console.warn(`Missing: ${missing.join(', ')} (Debian's package names)`);
    return false;
  }
  console.log(`Installing ${missing.join(', ')}`);
  run('apt-get', ['update', '-qq']);
  run('apt-get', ['install', '-qq', '-y', '--no-install-recommends', ...missing]);
  return true;
}

module.exports = { ensureFiles, ensureTools, has, root, run };
