/** What calls do that do not say. */
import type { Device } from '../types';

let device: Device = 'cpu';

/** Where calls run whose operands and options leave it open. Kept in a variable: process.env costs as much as a small product. */
export function defaultDevice(): Device {
  return device;
}

export function setDefaultDevice(value: Device): void {
  device = value;
}
