/** Stateful line protocols as pure values, and the models that serve them. @since 0.1.0 */

export * as Clients from "./Clients.ts"
export * as Conversation from "./Conversation.ts"
export * as Fibers from "./Fibers.ts"
export * as Frames from "./Frames.ts"
export * as Iterative from "./Iterative.ts"
export * as Linger from "./Linger.ts"
export * as Model from "./Model.ts"
export * as NodeProcesses from "./NodeProcesses.ts"
export * as NodeThreads from "./NodeThreads.ts"
export * as Select from "./Select.ts"
export * as Session from "./Session.ts"
