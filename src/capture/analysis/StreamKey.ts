/** Keys of conversations: the same for both directions. Pure. */
import type * as Endpoint from "../../network/Endpoint.ts"

/** Returns whether an endpoint is before another one in the order of keys. */
const isFirst = (one: Endpoint.Endpoint, other: Endpoint.Endpoint) =>
  one.address < other.address || (one.address === other.address && one.port <= other.port)

/** Returns the key of a conversation between two endpoints. */
export const of = (one: Endpoint.Endpoint, other: Endpoint.Endpoint): string =>
  isFirst(one, other)
    ? `${one.address} ${one.port} ${other.address} ${other.port}`
    : `${other.address} ${other.port} ${one.address} ${one.port}`
