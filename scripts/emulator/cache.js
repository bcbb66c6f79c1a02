'use strict';
// What is downloaded or compiled once: kept under node_modules, made anew where one of its sources is newer.
const { existsSync, mkdirSync, renameSync, statSync } = require('node:fs');
const { join } = require('node:path');
const { root } = require('../system');

const folder = join(root, 'node_modules', '.cache', 'lowp', 'emulator');

/** The path of the cached file `name`, which make(path) writes. */
function cached(name, sources, make) {
  const path = join(folder, name);
  const newest = Math.max(0, ...sources.map((source) => statSync(source).mtimeMs));
  if (!existsSync(path) || statSync(path).mtimeMs < newest) {
    mkdirSync(folder, { recursive: true });
    const unfinished = `${path}.${process.pid}`; // Renamed when complete: others may be reading or making the same file.
    make(unfinished);
    renameSync(unfinished, path);
  }
  return path;
}

module.exports = { cached };
