/** Reading of the PROXY header of a connection, whose address is then that of the proxy's client. */
import * as Bytes from "effect/Bytes"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Network from "../Network.ts"
import * as ProxyProtocol from "../ProxyProtocol.ts"

/** The connection does not begin with a PROXY header. */
class ProxyHeaderError extends Data.TaggedError("ProxyHeaderError")<{ readonly message: string }> {}

/** Returns a pull that first returns bytes which were read already. */
const pullAfter = (bytes: Uint8Array, pull: Network.Connection["pull"]): Network.Connection["pull"] => {
  let left: Uint8Array | undefined = bytes
  return Effect.suspend(() => {
    if (left === undefined) return pull
    const first = left
    left = undefined
    return Effect.succeed(first)
  })
}

const proxied = (
  connection: Network.Connection,
  client: ProxyProtocol.ProxiedClient | undefined,
  rest: Uint8Array
): Network.Connection => ({
  local: client?.destination ?? connection.local,
  remote: client?.source ?? connection.remote,
  pull: rest.length === 0 ? connection.pull : pullAfter(rest, connection.pull),
  write: (bytes) => connection.write(bytes),
  end: connection.end,
  endRead: connection.endRead,
  abort: connection.abort,
  traffic: () => connection.traffic(),
  context: connection.context
})

/** Reads the header. Returns the connection with the client's addresses, and its bytes after the header unread. */
export const read = Effect.fnUntraced(function* (connection: Network.Connection) {
  let bytes = yield* connection.pull
  while (true) {
    const parsed = ProxyProtocol.parse(bytes)
    if (parsed._tag === "Invalid") return yield* new ProxyHeaderError({ message: parsed.message })
    if (parsed._tag === "Header") return proxied(connection, parsed.client, bytes.subarray(parsed.length))
    bytes = Bytes.concat([bytes, yield* connection.pull])
  }
})
