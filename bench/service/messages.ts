/** What the bench and the process that serves say to each other. */
import type { NetworkName } from './network';

export const OURS = ['lowp sync', 'lowp async'] as const;
export const PEER = 'onnxruntime-node';
/** In the mode that is as exact as ours on processors without VNNI. */
export const EXACT_PEER = 'onnxruntime-node exact';
export type Backend = (typeof OURS)[number] | typeof PEER | typeof EXACT_PEER;

/** The argument of the serving process, as JSON. */
export interface ServerSettings {
  readonly network: NetworkName;
  readonly backend: Backend;
  readonly maxBatch: number;
  readonly threads: number;
  readonly isa: string;
}

/** `start` and `stop` a measurement, or `close` the service. */
export type Request = 'start' | 'stop' | 'close';

/** Answers: where it listens; that it measures; what it measured. */
export type Reply =
  { readonly port: number } | { readonly started: true } | { readonly figures: ServerFigures } | { readonly failed: string };

/** Of the serving process, between start and stop. */
export interface ServerFigures {
  /** Milliseconds by which the event loop was late: 99 of 100 times at most, and once. */
  readonly delayP99: number;
  readonly delayMax: number;
  /** The share of time in which the event loop was busy. */
  readonly utilization: number;
  /** Processor seconds a second, of all threads. */
  readonly cores: number;
  /** Images of one call, on average. */
  readonly batch: number;
}
