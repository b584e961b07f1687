/** Connection after a change of its protocol, as effect's `Socket`: its reader makes the change. */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type { Connection } from "../../../Network.ts"
import * as InteropSocket from "../../InteropSocket.ts"
import type { HttpReader } from "./HttpReader.ts"

/** Returns a connection whose input is what its reader has not read. */
export const withReader = (connection: Connection, reader: HttpReader): Connection => ({
  local: connection.local,
  remote: connection.remote,
  pull: reader.pull,
  write: (bytes) => connection.write(bytes),
  end: connection.end,
  endRead: connection.endRead,
  abort: connection.abort,
  traffic: () => connection.traffic(),
  context: connection.context
})

/** Returns a socket that opens with its reader. Writers wait for that. */
export const make = (open: Effect.Effect<Connection, Socket.SocketError, Scope.Scope>): Socket.Socket => {
  const isOpen = Latch.makeUnsafe(false)
  let socket: Socket.Socket | undefined
  const reader = Effect.flatMap(open, (connection) => {
    socket = InteropSocket.toSocket(connection)
    isOpen.openUnsafe()
    return socket.reader
  })
  const writer = Effect.map(Effect.scope, (scope): Socket.Writer => {
    let opened: Socket.Writer | undefined
    const whenOpen = (use: (writer: Socket.Writer) => Effect.Effect<void, Socket.SocketError>) =>
      Effect.suspend(() => {
        if (opened !== undefined) return use(opened)
        const acquired = Effect.suspend(() => Scope.provide(socket!.writer, scope))
        return isOpen.whenOpen(
          Effect.flatMap(acquired, (inner) => {
            opened ??= inner
            return use(opened)
          })
        )
      })
    return {
      write: (chunk) => whenOpen((inner) => inner.write(chunk)),
      writeAll: (chunks) => whenOpen((inner) => inner.writeAll(chunks))
    }
  })
  return Socket.make({ reader, writer })
}
