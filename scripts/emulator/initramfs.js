'use strict';
// The root file system of the emulated machine, a "newc" cpio archive: /init (init.c), /payload and what these need.
const { execFileSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { cached } = require('./cache');

const DIRECTORY = 0o40755;
const PROGRAM = 0o100755;
const CHARACTER_DEVICE = 0o20600;

const EMPTY = Buffer.alloc(0);

/** Compiles init.c where that was not yet done; its contents. */
function readInit() {
  const source = join(__dirname, 'init.c');
  const file = cached('init', [source], (path) => execFileSync('gcc', ['-static', '-O2', '-s', '-Wall', '-o', path, source]));
  return readFileSync(file);
}

/** `data` followed by zeros up to a multiple of four bytes. */
function padded(data) {
  return Buffer.concat([data, Buffer.alloc(-data.length & 3)]);
}

/** One entry of a cpio archive. */
function cpioEntry(name, { mode = 0, data = EMPTY, inode = 0, major = 0, minor = 0 }) {
  const links = 1;
  const fields = [inode, mode, 0, 0, links, 0, data.length, 0, 0, major, minor, name.length + 1, 0];
  const header = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return Buffer.concat([padded(Buffer.from(`070701${header}${name}\0`, 'latin1')), padded(data)]);
}

/** The archive with the program at path `payload` in it. */
function buildInitramfs(payload) {
  const files = {
    dev: { mode: DIRECTORY },
    'dev/console': { mode: CHARACTER_DEVICE, major: 5, minor: 1 },
    proc: { mode: DIRECTORY },
    sys: { mode: DIRECTORY },
    tmp: { mode: DIRECTORY },
    init: { mode: PROGRAM, data: readInit() },
    payload: { mode: PROGRAM, data: readFileSync(payload) },
  };
  const entries = Object.entries(files).map(([name, file], i) => cpioEntry(name, { ...file, inode: i + 1 }));
  return Buffer.concat([...entries, cpioEntry('TRAILER!!!', {})]);
}

module.exports = { buildInitramfs };
