/** What a bench case is made of; run.ts knows nothing else about one. */
import type { Peer } from './peers/peer';

/** A mistake of whoever runs the bench: the message says it all, no stack is printed. */
export class InputError extends Error {}

export interface Settings {
  readonly threads: number;
  readonly quick: boolean;
  /** A file of shapes in place of the case's own. */
  readonly shapes: string | undefined;
  /** A network of the service case in place of all. */
  readonly network: string | undefined;
  /** Names of tables of the cuda case, with commas; in place of all. */
  readonly tables: string | undefined;
  /** Empty unless asked for. */
  readonly peers: readonly Peer[];
}

export interface Column {
  readonly title: string;
  readonly width: number;
}

/** One line of a table and the same figures for machines. */
export interface Row {
  readonly cells: readonly string[];
  readonly record: Readonly<Record<string, unknown>>;
  /** Starts a group: an empty line comes before it. */
  readonly first: boolean;
}

export interface Table {
  readonly title: string;
  readonly caption: readonly string[];
  /** The first two are text, the others numbers. */
  readonly columns: readonly Column[];
  /** Printed as they come, so that a long run shows what it does. */
  readonly rows: AsyncIterable<Row>;
  /** What came up meanwhile and belongs below the table. */
  readonly notes: readonly string[];
  /** Other processes do what is measured, or it pauses: this one's share of the processor says nothing. */
  readonly elsewhere?: boolean;
}

export interface BenchCase {
  readonly name: string;
  readonly about: string;
  /** It compares with peers on the CUDA device, and with no others. */
  readonly device?: boolean;
  /** Why it can't run here; undefined if it can. */
  readonly missing?: () => string | undefined;
  /** It runs only where it is named. */
  readonly onDemand?: () => boolean;
  open(settings: Settings): Table | readonly Table[];
}
