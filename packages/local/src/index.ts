export type { LocalClusterOptions } from './local-cluster.ts';
export { LocalCluster } from './local-cluster.ts';
