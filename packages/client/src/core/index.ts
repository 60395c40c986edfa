export * from './client-core.ts';
