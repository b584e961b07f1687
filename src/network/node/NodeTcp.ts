/** Stream sockets over `node:net`: TCP and unix sockets. */

import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import { type Connection, type Listener, type ListenOptions, NetworkError } from "../Network.ts"
import { NodeConnection } from "./NodeConnection.ts"
import type { DescriptorBudget } from "./NodeDescriptorBudget.ts"
import { inetAddress, networkError, parseAddress } from "./NodeErrors.ts"

/** Longest path: `sun_path` holds 108 bytes with its NUL. */
const maxPathBytes = 107

const checkPath = (path: string): Effect.Effect<NetAddress.UnixPathAddress, NetworkError> => {
  const length = Buffer.byteLength(path)
  if (length > 0 && length <= maxPathBytes && !path.includes("\0"))
    return Effect.succeed(NetAddress.unixPathAddress(path))
  const cause = new Error(
    `invalid socket path ${path.slice(0, 40)} (${length} bytes): must have 1 to ${maxPathBytes} bytes, none of them NUL`
  )
  return Effect.fail(new NetworkError({ reason: "InvalidAddress", cause }))
}

/** Tests if a socket file was left by a dead server: connecting to it is refused. */
const isStale = (path: string) =>
  Effect.callback<boolean>((resume) => {
    if (!Fs.statSync(path, { throwIfNoEntry: false })?.isSocket()) return resume(Effect.succeed(false))
    const probe = Net.connect({ path })
    const answer = (stale: boolean) => {
      probe.destroy()
      resume(Effect.succeed(stale))
    }
    probe.once("connect", () => answer(false))
    probe.once("error", (cause: NodeJS.ErrnoException) => answer(cause.code === "ECONNREFUSED"))
    return Effect.sync(() => void probe.destroy())
  })

const bind = (
  where: Net.ListenOptions,
  address: NetAddress.SocketAddress,
  onConnection: (socket: Net.Socket) => void
) =>
  Effect.callback<Net.Server, NetworkError>((resume) => {
    const server = Net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, onConnection)
    server.once("error", (cause) => resume(Effect.fail(networkError(cause, address))))
    server.listen(where, () => resume(Effect.succeed(server)))
    return Effect.sync(() => void server.close())
  })

export const listen = (budget: DescriptorBudget) =>
  Effect.fnUntraced(function* (options: ListenOptions): Effect.fn.Return<Listener, NetworkError, Scope.Scope> {
    const requestedAddress =
      "path" in options
        ? yield* checkPath(options.path)
        : yield* parseAddress(options.host ?? "127.0.0.1", options.port)
    const path = NetAddress.isUnixPathAddress(requestedAddress) ? requestedAddress : undefined
    const { backlog = 511 } = options
    const where =
      "path" in options
        ? { path: options.path, backlog }
        : { host: options.host ?? "127.0.0.1", port: options.port, backlog, reusePort: options.reusePort ?? false }
    const acceptQueue: Array<Net.Socket> = []
    const acceptWaiters = new Set<() => void>()
    let closed = false
    const bindOnce = bind(where, requestedAddress, (socket) => {
      // At the descriptor limit Node stops accepting without an event: the last ones are kept for other work.
      if (budget.available() <= 0) return void socket.destroy()
      budget.track(socket)
      socket.on("error", constVoid)
      acceptQueue.push(socket)
      for (const waiter of [...acceptWaiters]) waiter()
    })
    const server = yield* Effect.acquireRelease(
      Effect.catchIf(
        bindOnce,
        (error) => error.reason === "AddressInUse" && path !== undefined,
        (error) =>
          Effect.flatMap(isStale(path!.path), (stale) =>
            stale
              ? Effect.andThen(
                  Effect.sync(() => Fs.rmSync(path!.path, { force: true })),
                  bindOnce
                )
              : Effect.fail(error)
          )
      ),
      (server) =>
        Effect.callback<void>((resume) => {
          closed = true
          server.close()
          for (const socket of acceptQueue.splice(0)) socket.destroy()
          for (const taker of [...acceptWaiters]) taker()
          resume(Effect.void)
        }),
      { interruptible: true }
    )
    budget.track(server)
    // A failed accept (the peer has gone, or memory ran out for a moment) concerns no caller.
    server.on("error", constVoid)
    const bound = server.address() as Net.AddressInfo | string
    const address = typeof bound === "string" ? requestedAddress : inetAddress(bound.address, bound.port)
    const wildcard = NetAddress.isInetAddress(address) && NetAddress.isUnspecified(address.address)
    const ends = { local: wildcard ? undefined : address, remote: path }
    const nextConnection = Effect.callback<void>((resume) => {
      const taker = () => {
        acceptWaiters.delete(taker)
        resume(Effect.void)
      }
      acceptWaiters.add(taker)
      return Effect.sync(() => void acceptWaiters.delete(taker))
    })
    // Only the wait is interruptible, not the removal from the queue: no connection is lost between the two.
    const accept: Listener["accept"] = Effect.uninterruptibleMask((restore) => {
      const take: Effect.Effect<NodeConnection, NetworkError> = Effect.suspend(() => {
        if (closed) return Effect.fail(new NetworkError({ reason: "Closed", address }))
        const socket = acceptQueue.shift()
        if (socket === undefined) return Effect.andThen(restore(nextConnection), take)
        return socket.destroyed ? take : Effect.succeed(new NodeConnection(socket, ends))
      })
      // A ready effect as finalizer: `acquireRelease` would retain the whole context of the accepting fiber with each.
      return Effect.flatMap(Effect.scope, (scope) =>
        Effect.tap(take, (connection) => Scope.addFinalizer(scope, connection.close))
      )
    })
    return { address, accept }
  })

export const connect =
  (budget: DescriptorBudget) =>
  (remote: NetAddress.SocketAddress): Effect.Effect<Connection, NetworkError, Scope.Scope> => {
    const path = NetAddress.isUnixPathAddress(remote) ? remote : undefined
    const where = NetAddress.isInetAddress(remote)
      ? { host: NetAddress.formatHost(remote), port: remote.port }
      : { path: remote.path }
    const dial = Effect.callback<Net.Socket, NetworkError>((resume) => {
      if (budget.available() <= 0)
        return resume(Effect.fail(new NetworkError({ reason: "NoDescriptors", address: remote })))
      const socket = Net.connect({ ...where, allowHalfOpen: true, noDelay: true })
      budget.track(socket)
      socket.once("error", (cause) => resume(Effect.fail(networkError(cause, remote))))
      socket.once("connect", () => resume(Effect.succeed(socket)))
      return Effect.sync(() => void socket.destroy())
    })
    return Effect.acquireRelease(
      Effect.andThen(
        path === undefined ? Effect.void : checkPath(path.path),
        Effect.map(dial, (socket) => new NodeConnection(socket, { local: path, remote }))
      ),
      (connection) => connection.close,
      { interruptible: true }
    )
  }
