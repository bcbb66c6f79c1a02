'use strict';
// Debian's cloud kernel: a driver for the serial line is built in, and its payload is LZ4, which is easily unpacked.
const { execFileSync } = require('node:child_process');
const { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { cached } = require('./cache');

const META_PACKAGE = 'linux-image-cloud-amd64';

// Fields of vmlinuz: Linux's Documentation/arch/x86/boot.rst.
const SECTOR = 512;
const SETUP_HEADER = 0x1f1;
const SETUP_SECTORS = 0x1f1; // Without the boot sector before them.
const SETUP_HEADER_LENGTH = 0x201; // Counted from the next byte.
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;

const LZ4_LEGACY_MAGIC = 0x184c2102;
const LZ4_MIN_MATCH = 4;
const MAX_KERNEL_BYTES = 256 << 20;
const ELF_LOADABLE = 1;

/** Writes the boot file of the newest kernel package to `path`; the package is not installed. */
function downloadKernel(path) {
  const folder = mkdtempSync(join(tmpdir(), 'lowp-kernel-'));
  const execute = (command, ...args) =>
    execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    if (process.getuid() === 0) execute('apt-get', 'update', '-qq');
    const name = /Depends: (linux-image-\S+)/.exec(execute('apt-cache', 'depends', META_PACKAGE))?.[1];
    if (name === undefined) throw new Error(`Expected ${META_PACKAGE} to depend on a kernel`);
    console.log(`Downloading ${name}`);
    execute('apt-get', 'download', '-qq', '-o', 'APT::Sandbox::User=root', name);
    const [archive] = readdirSync(folder);
    execute('dpkg-deb', '--extract', archive, 'files');
    const boot = join(folder, 'files', 'boot');
    const [file] = readdirSync(boot).filter((entry) => entry.startsWith('vmlinuz'));
    copyFileSync(join(boot, file), path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Unpacks one LZ4 block into `out` from `end` on; returns the new end. */
function unpackLz4Block(block, out, end) {
  let at = 0;
  const length = (nibble) => {
    let total = nibble;
    for (let more = nibble === 15; more;) {
      const byte = block[at++];
      total += byte;
      more = byte === 255;
    }
    return total;
  };
  while (at < block.length) {
    const token = block[at++];
    const literals = length(token >> 4);
    block.copy(out, end, at, at + literals);
    at += literals;
    end += literals;
    if (at >= block.length) break; // The last sequence has no match.
    const distance = block.readUInt16LE(at);
    at += 2;
    const matchEnd = end + length(token & 15) + LZ4_MIN_MATCH;
    // A match may overlap what it appends, and then repeats it.
    while (end < matchEnd) {
      const count = Math.min(distance, matchEnd - end);
      out.copyWithin(end, end - distance, end - distance + count);
      end += count;
    }
  }
  return end;
}

/** Unpacks the legacy LZ4 format, in which Linux is compressed: a magic number, then blocks with their lengths. */
function unpackLz4(packed) {
  if (packed.readUInt32LE(0) !== LZ4_LEGACY_MAGIC) throw new Error('Expected a kernel compressed with LZ4');
  const out = Buffer.alloc(MAX_KERNEL_BYTES);
  let end = 0;
  let at = 4;
  while (at + 4 <= packed.length) {
    const length = packed.readUInt32LE(at);
    at += 4;
    if (at + length > packed.length) break; // Not a block: Linux's build appends the unpacked length.
    end = unpackLz4Block(packed.subarray(at, at + length), out, end);
    at += length;
  }
  return out.subarray(0, end);
}

/** vmlinux (ELF), the payload of vmlinuz. */
function unpackKernel(vmlinuz) {
  const setupEnd = (vmlinuz[SETUP_SECTORS] + 1) * SECTOR;
  const start = setupEnd + vmlinuz.readUInt32LE(PAYLOAD_OFFSET);
  return unpackLz4(vmlinuz.subarray(start, start + vmlinuz.readUInt32LE(PAYLOAD_LENGTH)));
}

/** { entry, segments: [{ address, data, size }] } of a 64-bit ELF, with physical addresses; `size` includes zeroed memory. */
function parseElf(elf) {
  const number = (at) => Number(elf.readBigUInt64LE(at));
  const programHeaders = number(32);
  const headerSize = elf.readUInt16LE(54);
  const headerCount = elf.readUInt16LE(56);
  const segments = [];
  for (let i = 0; i < headerCount; i++) {
    const header = programHeaders + i * headerSize;
    if (elf.readUInt32LE(header) !== ELF_LOADABLE) continue;
    const offset = number(header + 8);
    const address = number(header + 24);
    const fileSize = number(header + 32);
    const size = number(header + 40);
    segments.push({ address, size, data: elf.subarray(offset, offset + fileSize) });
  }
  return { entry: number(24), segments };
}

/** { entry, segments, setupHeader }; setupHeader is the kernel's part of boot_params. */
function loadKernel() {
  const vmlinuzFile = cached('vmlinuz', [], downloadKernel);
  const vmlinuz = readFileSync(vmlinuzFile);
  const vmlinuxFile = cached('vmlinux', [vmlinuzFile], (path) => writeFileSync(path, unpackKernel(vmlinuz)));
  const setupHeader = vmlinuz.subarray(SETUP_HEADER, SETUP_HEADER_LENGTH + 1 + vmlinuz[SETUP_HEADER_LENGTH]);
  return { ...parseElf(readFileSync(vmlinuxFile)), setupHeader };
}

module.exports = { loadKernel };
