/**
 * The server's program. The flags come first: whoever asks for help, or gave a wrong one, need not wait for the rest to load.
 */
import './command-line.ts';

await import('./server.ts');
