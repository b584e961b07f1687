/**
 * A processor farm: runs a job in packets on threads of this process and on other machines, with leases, retries,
 * checkpoints and progress.
 *
 * `Farm` runs a `Job`. `NodeThreadWorkers` and `TcpWorkers` make pools of `Worker`s; `TcpWorkerServer` offers a pool to
 * farms on other machines. `Dispatcher` is the pure state machine that assigns packets.
 */
export * as Dispatcher from "./dispatcher/Dispatcher.ts"
export * as DispatcherEvent from "./dispatcher/DispatcherEvent.ts"
export * as Farm from "./Farm.ts"
export * as FarmCheckpoint from "./FarmCheckpoint.ts"
export * as FarmError from "./FarmError.ts"
export * as Job from "./Job.ts"
export * as NodeCheckpoint from "./NodeCheckpoint.ts"
export * as Progress from "./Progress.ts"
export * as FarmPool from "./pool/FarmPool.ts"
export * as JobRunner from "./pool/JobRunner.ts"
export * as HostFile from "./tcp/HostFile.ts"
export * as TcpWorkerServer from "./tcp/TcpWorkerServer.ts"
export * as TcpWorkers from "./tcp/TcpWorkers.ts"
export * as Dissector from "./tcp/wire/Dissector.ts"
export * as NodeThreadWorkers from "./threads/NodeThreadWorkers.ts"
export * as Worker from "./Worker.ts"
