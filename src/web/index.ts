/**
 * The page of a process: services, connections, transfers, peers and farms as a browser shows them, playable games,
 * and the laboratory.
 *
 * `PageHub` collects the state, `NodePageServer` serves it.
 */
export * as Arrow from "./Arrow.ts"
export * as NodePageAssets from "./assets/NodePageAssets.ts"
export * as PageAssets from "./assets/PageAssets.ts"
export * as GameSessions from "./games/GameSessions.ts"
export * as HostCheck from "./HostCheck.ts"
export * as NodePageServer from "./NodePageServer.ts"
export * as PageHub from "./PageHub.ts"
export * as PageRpc from "./PageRpc.ts"
export * as PageServer from "./PageServer.ts"
export * as PageState from "./PageState.ts"
export * as PageToken from "./PageToken.ts"
export * as PacketWatch from "./packets/PacketWatch.ts"
