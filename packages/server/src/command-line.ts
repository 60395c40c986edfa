/** The flags that this process was started with. */
import { parseFlags } from './flags.ts';

export const flags = parseFlags(process.argv);
