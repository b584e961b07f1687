/** Outgoing connections over `node:net`: TCP and unix sockets. */

import * as Net from "node:net"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Connection, NetworkError } from "../Network.ts"
import { NodeConnection } from "./NodeConnection.ts"
import type { DescriptorBudget } from "./NodeDescriptorBudget.ts"
import { networkError } from "./NodeErrors.ts"
import { checkPath, unixError } from "./NodeUnixErrors.ts"

export const connect =
  (budget: DescriptorBudget) =>
  (remote: NetAddress.SocketAddress): Effect.Effect<Connection, NetworkError, Scope.Scope> => {
    const path = NetAddress.isUnixPathAddress(remote) ? remote : undefined
    const where = NetAddress.isInetAddress(remote)
      ? { host: NetAddress.formatHost(remote), port: remote.port }
      : { path: remote.path }
    const dial = Effect.callback<Net.Socket, NetworkError>((resume) => {
      if (budget.available() <= 0) return resume(Effect.fail(budget.exhausted(remote)))
      const socket = Net.connect({ ...where, allowHalfOpen: true, noDelay: true })
      budget.track(socket)
      const errorOf = (cause: unknown) =>
        path === undefined ? networkError(cause, remote) : unixError("connect to", path, cause)
      socket.once("error", (cause) => resume(Effect.fail(errorOf(cause))))
      socket.once("connect", () => resume(Effect.succeed(socket)))
      return Effect.sync(() => void socket.destroy())
    })
    return Effect.acquireRelease(
      Effect.andThen(
        path === undefined ? Effect.void : checkPath("connect to", path.path),
        Effect.map(dial, (socket) => new NodeConnection(socket, { local: path, remote }))
      ),
      (connection) => connection.close,
      { interruptible: true }
    )
  }
