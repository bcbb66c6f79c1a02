'use strict';
// What is in the emulated machine's memory when it starts: Linux's boot parameters and command line, page tables, the kernel and
// its initramfs, from 1 MiB on. A boot loader would put them there, but takes longer than Linux itself.

const MIB = 1 << 20;
const PAGE = 4096;
const HUGE_PAGE = 2 * MIB;

// Addresses. rom.S gets the first and the last with the same names.
const BOOT_PARAMS = MIB;
const COMMAND_LINE = BOOT_PARAMS + PAGE;
const PAGE_TABLES = COMMAND_LINE + PAGE;

const IMAGE_START = BOOT_PARAMS;
const MAX_COMMAND_LINE = 2048;
const KERNEL_SLACK = 4 * MIB; // Behind the kernel, which takes early memory there.
const FREE_MEMORY = 96 * MIB; // For Linux and the payload to work with.

// Fields of boot_params: Linux's Documentation/arch/x86/zero-page.rst and boot.rst.
const E820_ENTRIES = 0x1e8;
const SETUP_HEADER = 0x1f1;
const TYPE_OF_LOADER = 0x210;
const CODE32_START = 0x214;
const RAMDISK_IMAGE = 0x218;
const RAMDISK_SIZE = 0x21c;
const CMD_LINE_PTR = 0x228;
const E820_TABLE = 0x2d0;
const E820_ENTRY_SIZE = 20;
const E820_RAM = 1;
const UNREGISTERED_LOADER = 0xff;
const BASE_MEMORY = 0x9fc00;

// Page table flags.
const PRESENT_WRITABLE = 0x3;
const HUGE = 0x80;

function roundUp(value, multiple) {
  return Math.ceil(value / multiple) * multiple;
}

/** What a boot loader tells Linux. */
function buildBootParams(kernel, initramfs, initramfsAddress, memorySize) {
  const params = Buffer.alloc(PAGE);
  kernel.setupHeader.copy(params, SETUP_HEADER);
  params[TYPE_OF_LOADER] = UNREGISTERED_LOADER;
  params.writeUInt32LE(kernel.entry, CODE32_START); // Of use to rom.S only.
  params.writeUInt32LE(initramfsAddress, RAMDISK_IMAGE);
  params.writeUInt32LE(initramfs.length, RAMDISK_SIZE);
  params.writeUInt32LE(COMMAND_LINE, CMD_LINE_PTR);
  const memory = [
    { address: 0, size: BASE_MEMORY },
    { address: MIB, size: memorySize - MIB },
  ];
  params[E820_ENTRIES] = memory.length;
  memory.forEach(({ address, size }, i) => {
    const entry = E820_TABLE + i * E820_ENTRY_SIZE;
    params.writeUInt32LE(address, entry);
    params.writeUInt32LE(size, entry + 8);
    params.writeUInt32LE(E820_RAM, entry + 16);
  });
  return params;
}

/** Page tables that map the first 4 GiB, where the ROM is too, to themselves: one table, its one child, and that one's four. */
function buildPageTables() {
  const directories = 4;
  const entries = PAGE / 8;
  const tables = Buffer.alloc((2 + directories) * PAGE);
  const write = (table, index, value) => tables.writeBigUInt64LE(BigInt(value), table * PAGE + index * 8);
  const address = (table) => PAGE_TABLES + table * PAGE;
  write(0, 0, address(1) + PRESENT_WRITABLE);
  for (let directory = 0; directory < directories; directory++) {
    const table = 2 + directory;
    write(1, directory, address(table) + PRESENT_WRITABLE);
    for (let i = 0; i < entries; i++) {
      write(table, i, (directory * entries + i) * HUGE_PAGE + PRESENT_WRITABLE + HUGE);
    }
  }
  return tables;
}

/** The memory's contents from IMAGE_START on. */
function buildImage({ kernel, initramfs, commandLine, memorySize }) {
  if (commandLine.length >= MAX_COMMAND_LINE) {
    throw new Error(`Expected a kernel command line shorter than ${MAX_COMMAND_LINE} but received ${commandLine.length} bytes`);
  }
  const kernelEnd = Math.max(...kernel.segments.map(({ address, size }) => address + size));
  const initramfsAddress = roundUp(kernelEnd + KERNEL_SLACK, HUGE_PAGE);
  const end = roundUp(initramfsAddress + initramfs.length, MIB);
  if (end + FREE_MEMORY > memorySize) {
    throw new Error(`Expected at least ${(end + FREE_MEMORY) / MIB} MiB of memory but received ${memorySize / MIB}`);
  }
  const image = Buffer.alloc(end - IMAGE_START);
  const put = (data, address) => data.copy(image, address - IMAGE_START);
  put(buildBootParams(kernel, initramfs, initramfsAddress, memorySize), BOOT_PARAMS);
  put(Buffer.from(commandLine, 'latin1'), COMMAND_LINE);
  put(buildPageTables(), PAGE_TABLES);
  for (const { address, data } of kernel.segments) put(data, address);
  put(initramfs, initramfsAddress);
  return image;
}

module.exports = { BOOT_PARAMS, IMAGE_START, MIB, PAGE_TABLES, buildImage };
