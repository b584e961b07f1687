/**
 * A farm on `effect/cluster`: pools of any number of processes and machines, with a database between them. A run has a
 * key, survives the death of every process, and its output is kept.
 *
 * `ClusterFarm` runs jobs, `NodeFarmCluster` has the layers of hosts, agents and clients, `JobModules` the jobs of a
 * process. The other modules are the parts of hosts and agents.
 */
export * as ClusterError from "./ClusterError.ts"
export * as ClusterFarm from "./ClusterFarm.ts"
export * as ClusterJobRunner from "./ClusterJobRunner.ts"
export * as FarmAgent from "./FarmAgent.ts"
export * as FarmPool from "./FarmPool.ts"
export * as FarmPoolHost from "./FarmPoolHost.ts"
export * as JobModules from "./JobModules.ts"
export * as MemoryDatabase from "./MemoryDatabase.ts"
export * as NodeFarmCluster from "./NodeFarmCluster.ts"
export * as RunStore from "./RunStore.ts"
export * as SqlCheckpoint from "./SqlCheckpoint.ts"
