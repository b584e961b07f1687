/** Stateful line protocols as pure values, and the concurrency models that serve them. @since 0.1.0 */

export * as ClientInfo from "./ClientInfo.ts"
export * as ClientStateHolder from "./ClientStateHolder.ts"
export * as ConcurrencyModel from "./ConcurrencyModel.ts"
export * as ConnectionHandler from "./ConnectionHandler.ts"
export * as Fibers from "./Fibers.ts"
export * as Framer from "./Framer.ts"
export * as Iterative from "./Iterative.ts"
export * as LingeringClose from "./LingeringClose.ts"
export * as NodeProcesses from "./NodeProcesses.ts"
export * as NodeThreads from "./NodeThreads.ts"
export * as Select from "./Select.ts"
export * as Session from "./Session.ts"
