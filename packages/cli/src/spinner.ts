/**
 * Shows that something is going on, once it takes long enough for somebody to wonder.
 */
import yoctoSpinner from 'yocto-spinner';
import type { Output } from './output.ts';
import { isCapable } from './style.ts';

const SPINNER_AFTER_MS = 500;

export async function withSpinner<T>(output: Output, text: string, work: Promise<T>): Promise<T> {
  if (!isCapable(output.notices, output.env) || output.env['CI'] !== undefined) return work;
  const spinner = yoctoSpinner({ text, stream: output.notices, handleSignals: false });
  const timer = setTimeout(() => spinner.start(), SPINNER_AFTER_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    if (spinner.isSpinning) spinner.stop();
  }
}
