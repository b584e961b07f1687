/** The backlog of the listening socket of a server. Pure. */
import type * as Network from "../Network.ts"

/** Default of `maxConnections`, if there are as many descriptors. */
export const maxDefaultConnections = 1_024

/** Default backlog of Node, and the least that a server asks for. */
const minBacklogConnections = 511

/** Returns the options of the listening socket: the backlog follows `maxConnections`, unless it is given. */
export const withBacklog = (
  options: Network.ListenOptions & { readonly maxConnections?: number | undefined }
): Network.ListenOptions => ({
  ...options,
  backlog: options.backlog ?? Math.max(minBacklogConnections, options.maxConnections ?? maxDefaultConnections)
})
