/** What others may use of the server besides its core: the adapters, for whoever composes a node in-process. */
export * from './adapters/storage/data-directory.ts';
export * from './adapters/storage/lmdb-storage.ts';
