/** Where the figures go: the terminal, and on request JSON lines and a Markdown page with plots. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from './machine';
import type { Peer } from './peers/peer';
import { plots, type GemmRecord } from './plot';
import { renderSvg } from './render';
import { sparsePlots, type SweepRecord } from './sparse/plot';
import { svdPlots, type RankRecord } from './svd/plot';
import type { BenchCase, Column, Row, Table } from './types';

/** Text columns are aligned left, numbers right. */
const TEXT_COLUMNS = 2;
/** Below this share of one core, others had it too. */
const QUIET = 0.95;
const BUSY = ': others had the processor too, so read `best` rather than the medians';
const WIDTH = 120;
const DIGITS = 6;

export class Report {
  readonly #records: Readonly<Record<string, unknown>>[];
  readonly #page: string[];
  readonly #machine: Machine;

  readonly #peers: readonly Peer[];

  constructor(machine: Machine, peers: readonly Peer[]) {
    this.#machine = machine;
    this.#peers = peers;
    this.#records = [machine.record];
    this.#page = ['# lowp bench', '', '```', ...machine.lines, '```', ''];
    for (const line of machine.lines) console.log(line);
  }

  /** Runs a case to its end. */
  async add({ name }: BenchCase, table: Table): Promise<void> {
    console.log(`\n${name}: ${table.title}`);
    for (const sentence of table.caption) console.log(wrapped(sentence));
    console.log(
      `\n${line(
        table.columns,
        table.columns.map((c) => c.title),
      )}`,
    );
    this.#page.push(`## ${name}: ${table.title}`, '', ...table.caption.map((c) => `- ${c}`), '');
    this.#page.push(markdown(table.columns.map((c) => c.title)), markdown(table.columns.map(rule)));
    const cpuBefore = this.#cpuSeconds();
    const start = performance.now();
    for await (const row of table.rows) this.#addRow(name, table.columns, row);
    const busy = (this.#cpuSeconds() - cpuBefore) / ((performance.now() - start) / 1000);
    const whose = `this process${this.#peers.length === 0 ? '' : ', with those of its peers,'}`;
    const share = `${whose} had ${busy.toFixed(2)} cores on average${busy < QUIET ? BUSY : ''}`;
    const notes = [...table.notes, ...(table.elsewhere === true ? [] : [share])];
    console.log('');
    for (const note of notes) console.log(`  note: ${note}`);
    this.#page.push('', ...notes.map((note) => `- ${note}`), '');
    this.#records.push(...notes.map((note) => ({ record: 'note', case: name, note })), {
      record: 'run',
      case: name,
      cores: busy,
    });
  }

  /** Processor time of this process and of those that belong to peers. */
  #cpuSeconds(): number {
    const { user, system } = process.cpuUsage();
    return this.#peers.reduce((sum, peer) => sum + (peer.cpuSeconds?.() ?? 0), (user + system) / 1e6);
  }

  #addRow(name: string, columns: readonly Column[], row: Row): void {
    if (row.first) console.log('');
    console.log(line(columns, row.cells));
    this.#records.push({ ...row.record, case: name });
    this.#page.push(markdown(row.cells));
  }

  writeJson(path: string): void {
    writeFileSync(path, this.#records.map((r) => `${JSON.stringify(r, rounded)}\n`).join(''));
  }

  /** A Markdown page, JSON lines and plots, named by date, CPU, ISA and threads; returns the names. */
  async writeInto(directory: string): Promise<string[]> {
    const { date, cpu, isa, threads } = this.#machine.record;
    const slug = cpu.model
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '');
    const name = [date.slice(0, 10), slug, isa, ...(threads === 1 ? [] : [`${threads}threads`])].join('_');
    mkdirSync(directory, { recursive: true });
    const links: string[] = [];
    const images: string[] = [];
    const { record } = this.#machine;
    const figures = [
      ...plots(this.#records.filter(isGemm), record),
      ...sparsePlots(this.#records.filter(isSweep), record),
      ...svdPlots(this.#records.filter(isRank), record),
    ];
    for (const { kind, title, spec } of figures) {
      const image = `${name}_${kind}.svg`;
      writeFileSync(join(directory, image), await renderSvg(spec));
      links.push(`![${title}](${image})`, '');
      images.push(image);
    }
    writeFileSync(join(directory, `${name}.md`), [...this.#page, ...links].join('\n'));
    this.writeJson(join(directory, `${name}.jsonl`));
    return [`${name}.md`, `${name}.jsonl`, ...images];
  }
}

function isGemm(record: Readonly<Record<string, unknown>>): record is Readonly<Record<string, unknown>> & GemmRecord {
  return record.record === 'gemm';
}

function isSweep(record: Readonly<Record<string, unknown>>): record is Readonly<Record<string, unknown>> & SweepRecord {
  return record.record === 'sparse-sweep';
}

function isRank(record: Readonly<Record<string, unknown>>): record is Readonly<Record<string, unknown>> & RankRecord {
  return record.record === 'svd-rank';
}

/** A caption within the width of the tables, indented under its title. */
function wrapped(text: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    if (lines[lines.length - 1].length + word.length >= WIDTH) lines.push('');
    lines[lines.length - 1] += ` ${word}`;
  }
  return lines.map((l) => ` ${l}`).join('\n');
}

/** Six digits are more than any sample is worth. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(DIGITS)) : value;
}

function line(columns: readonly Column[], cells: readonly string[]): string {
  return columns
    .map(({ width }, i) => (i < TEXT_COLUMNS ? (cells[i] ?? '').padEnd(width) : (cells[i] ?? '').padStart(width)))
    .join('  ')
    .trimEnd();
}

function markdown(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function rule(_column: Column, index: number): string {
  return index < TEXT_COLUMNS ? '---' : '---:';
}
