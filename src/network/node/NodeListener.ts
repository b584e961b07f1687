/** Listening stream sockets over `node:net`: TCP ports, unix sockets, and sockets that the process has inherited. */

import * as Fs from "node:fs"
import * as Net from "node:net"
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import {
  type Listener,
  type ListenOptions,
  NetworkError,
  type TcpListenOptions,
  type UnixListenOptions
} from "../Network.ts"
import type * as NodeBacklog from "./NodeBacklog.ts"
import { type KnownData, NodeConnection } from "./NodeConnection.ts"
import type { DescriptorBudget } from "./NodeDescriptorBudget.ts"
import { inetAddress, networkError, parseAddress } from "./NodeErrors.ts"
import * as NodeInheritedClaims from "./NodeInheritedClaims.ts"
import type * as NodeInheritedSockets from "./NodeInheritedSockets.ts"
import { checkPath, unixError } from "./NodeUnixErrors.ts"

/** Maximum number of refused clients that wait for `accept`; only the addresses of further ones are lost. */
const maxRefusedClients = 1_024

/** Sockets that a listener needs at least: its own, and that of a connection. */
const minListeningSockets = 2

/** An accepted socket, or the address of a client that was refused at the descriptor limit. */
type Arrival = Net.Socket | NetAddress.SocketAddress

/** Accepted sockets and refused clients, until `accept` takes them. */
interface AcceptQueue {
  readonly budget: DescriptorBudget
  readonly arrivals: Queue.Queue<Arrival, Cause.Done>
  /** Refused clients in the queue. */
  refusedCount: number
}

const isSocket = (arrival: Arrival): arrival is Net.Socket => !NetAddress.isSocketAddress(arrival)

const addConnection = (self: AcceptQueue, socket: Net.Socket): void => {
  const { arrivals, budget } = self
  // At the descriptor limit Node stops accepting without an event: the last ones are kept for other work.
  if (budget.fits()) {
    budget.track(socket)
    socket.on("error", constVoid)
    return void Queue.offerUnsafe(arrivals, socket)
  }
  const { remoteAddress, remotePort } = socket
  const address = remoteAddress === undefined ? undefined : inetAddress(remoteAddress, remotePort ?? 0)
  socket.destroy()
  if (self.refusedCount >= maxRefusedClients) return
  self.refusedCount++
  Queue.offerUnsafe(arrivals, address ?? NetAddress.unixPathAddress(""))
}

const takeArrival = ({ arrivals }: AcceptQueue) => Queue.takeUnsafe(arrivals)

/** Closes what was not accepted; waiting and later accepts fail. */
const closeQueue = (self: AcceptQueue): void => {
  Queue.endUnsafe(self.arrivals)
  for (let exit = takeArrival(self); exit?._tag === "Success"; exit = takeArrival(self))
    if (isSocket(exit.value)) exit.value.destroy()
}

/** Only the wait is interruptible, not the removal from the queue: no connection is lost between the two. */
const acceptFrom = (self: AcceptQueue, address: NetAddress.SocketAddress, ends: KnownData): Listener["accept"] =>
  Effect.uninterruptibleMask((restore) => {
    const arrival = Effect.ignore(restore(Queue.peek(self.arrivals)))
    const take: Effect.Effect<NodeConnection, NetworkError> = Effect.suspend(() => {
      const exit = takeArrival(self)
      if (exit === undefined) return Effect.andThen(arrival, take)
      if (exit._tag === "Failure") return Effect.fail(new NetworkError({ reason: "Closed", address }))
      if (isSocket(exit.value))
        return exit.value.destroyed ? take : Effect.succeed(new NodeConnection(exit.value, ends))
      self.refusedCount--
      return Effect.fail(self.budget.exhausted(exit.value))
    })
    // A ready effect as finalizer: `acquireRelease` would retain the whole context of the accepting fiber with each.
    return Effect.flatMap(Effect.scope, (scope) =>
      Effect.tap(take, (connection) => Scope.addFinalizer(scope, connection.close))
    )
  })

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

const listenError = (address: NetAddress.SocketAddress, cause: unknown) =>
  NetAddress.isUnixPathAddress(address) ? unixError("listen on", address, cause) : networkError(cause, address)

/** Creates a server that listens after `listen`, which is given the callback for that. */
const start = (
  options: ListenOptions,
  address: NetAddress.SocketAddress,
  queue: AcceptQueue,
  listen: (server: Net.Server, onListening: () => void) => void
) =>
  Effect.callback<Net.Server, NetworkError>((resume) => {
    const keepAlive = "path" in options ? undefined : options.keepAlive
    const server = Net.createServer(
      {
        allowHalfOpen: true,
        noDelay: true,
        pauseOnConnect: true,
        keepAlive: keepAlive !== undefined,
        keepAliveInitialDelay: keepAlive === undefined ? 0 : Math.max(1_000, Duration.toMillis(keepAlive))
      },
      (socket) => addConnection(queue, socket)
    )
    const fail = (cause: unknown) => resume(Effect.fail(listenError(address, cause)))
    server.once("error", fail)
    try {
      listen(server, () => resume(Effect.succeed(server)))
    } catch (cause) {
      server.close()
      fail(cause)
    }
    return Effect.sync(() => void server.close())
  })

/** Runs a function, which creates a file, with a umask that leaves the mode at most. A thread has no umask to set. */
const withMode = (mode: number | undefined, create: () => void) => {
  if (mode === undefined || typeof process.umask !== "function") return create()
  let previous: number | undefined
  try {
    previous = process.umask(0o777 & ~mode)
  } catch {
    // In a thread.
  }
  try {
    create()
  } finally {
    if (previous !== undefined) process.umask(previous)
  }
}

/** Binds a unix socket; its file never has more permissions than `mode`. */
const bindUnix = (options: UnixListenOptions, backlog: number, queue: AcceptQueue) =>
  Effect.flatMap(checkPath("listen on", options.path), (address) => {
    const { mode, owner, path } = options
    const bindOnce = start(options, address, queue, (server, onListening) => {
      withMode(mode, () => server.listen({ path, backlog }, onListening))
    })
    const removeAndBind = Effect.andThen(
      Effect.sync(() => Fs.rmSync(path, { force: true })),
      bindOnce
    )
    const bind = Effect.catchIf(
      bindOnce,
      ({ reason }) => reason === "AddressInUse",
      (error) => Effect.flatMap(isStale(path), (stale) => (stale ? removeAndBind : Effect.fail(error)))
    )
    const setAccess = (server: Net.Server) =>
      Effect.try({
        try: () => {
          if (owner !== undefined) Fs.chownSync(path, owner.uid, owner.gid)
          if (mode !== undefined) Fs.chmodSync(path, mode)
        },
        catch: (cause) => {
          server.close()
          return listenError(address, cause)
        }
      })
    return Effect.tap(bind, setAccess)
  })

const bindTcp = (options: TcpListenOptions, backlog: number, queue: AcceptQueue) => {
  const { host = "127.0.0.1", port, reusePort = false } = options
  return Effect.flatMap(parseAddress(host, port), (address) =>
    start(options, address, queue, (server, onListening) =>
      server.listen({ host, port, backlog, reusePort }, onListening)
    )
  )
}

/** Listens on an inherited socket, which its other owners keep open. */
const bindInherited = (
  options: ListenOptions,
  backlog: number,
  queue: AcceptQueue,
  { address, fd }: NodeInheritedSockets.ListeningSocket
) => start(options, address, queue, (server, onListening) => server.listen({ fd }, backlog, onListening))

/** Returns the address that the options ask for. */
const requestedAddress = (options: ListenOptions) =>
  "path" in options ? checkPath("listen on", options.path) : parseAddress(options.host ?? "127.0.0.1", options.port)

/** Returns the address of a server, and the ends of its connections that are known in advance. */
const addressOf = (server: Net.Server, requested: NetAddress.SocketAddress) => {
  const bound = server.address() as Net.AddressInfo | string | null
  const address = bound === null || typeof bound === "string" ? requested : inetAddress(bound.address, bound.port)
  const path = NetAddress.isUnixPathAddress(address) ? address : undefined
  const wildcard = NetAddress.isInetAddress(address) && NetAddress.isUnspecified(address.address)
  return { address, ends: { local: wildcard ? undefined : address, remote: path } }
}

export const listen = (
  budget: DescriptorBudget,
  limitBacklog: ReturnType<typeof NodeBacklog.make>,
  inheritedSockets: NodeInheritedSockets.Holder
) =>
  Effect.fnUntraced(function* (options: ListenOptions): Effect.fn.Return<Listener, NetworkError, Scope.Scope> {
    const inherited = NodeInheritedClaims.claimListener(inheritedSockets, options)
    if (inherited?._tag === "Connected") return yield* NodeInheritedClaims.singleListener(inheritedSockets, inherited)
    // A listener that can accept no connection would serve nobody.
    if (budget.available() < minListeningSockets) return yield* budget.exhausted(yield* requestedAddress(options))
    const queue: AcceptQueue = { budget, arrivals: yield* Queue.unbounded<Arrival, Cause.Done>(), refusedCount: 0 }
    const backlog = yield* limitBacklog(options.backlog ?? 511)
    const bind =
      inherited !== undefined
        ? bindInherited(options, backlog, queue, inherited)
        : "path" in options
          ? bindUnix(options, backlog, queue)
          : bindTcp(options, backlog, queue)
    const server = yield* Effect.acquireRelease(
      bind,
      (server) =>
        Effect.sync(() => {
          server.close()
          closeQueue(queue)
        }),
      { interruptible: true }
    )
    budget.track(server)
    // A failed accept (the peer has gone, or memory ran out for a moment) concerns no caller.
    server.on("error", constVoid)
    const { address, ends } = addressOf(server, inherited?.address ?? (yield* requestedAddress(options)))
    return { address, accept: acceptFrom(queue, address, ends) }
  })
