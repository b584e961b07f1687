/** Stream connections to which a fault plan applies, in both directions. */

import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "../../network/Endpoint.ts"
import { type Connection, type Listener, NetworkError } from "../../network/Network.ts"
import type { Packet } from "../../network/Packet.ts"
import type { FaultInjector } from "./DelayQueue.ts"
import * as ImpairedDirection from "./ImpairedDirection.ts"
import * as LocalConnections from "./LocalConnections.ts"

/** Bytes queued per direction before its writer waits, or reading from the network pauses. */
const bufferBytes = 65_536

/** Time that a closing connection waits for overdue data, and its maximum wait for data that are not due yet. */
const overdueGraceNanos = 1e9
const maxCloseDelayNanos = 10e9

const encoder = new TextEncoder()
const { emptyBytes } = ImpairedDirection

const endpointOf = (address: NetAddress.InetAddress): Endpoint.Endpoint => ({
  address: NetAddress.formatIp(NetAddress.toCanonical(address.address)),
  port: address.port
})

const directionKey = (from: Endpoint.Endpoint, to: Endpoint.Endpoint) =>
  `${LocalConnections.endpointKey(from)} ${LocalConnections.endpointKey(to)}`

/** Creates an impaired connection, and the effect that closes it before its underlying connection. */
const makeImpairedConnection = (
  inner: Connection,
  near: Endpoint.Endpoint,
  far: Endpoint.Endpoint,
  localEnd: LocalConnections.LocalEnd,
  injector: FaultInjector,
  fork: Scope.Scope
) => {
  const { delayQueue } = injector
  const outbound = ImpairedDirection.make(injector, near, far, "outbound")
  const inbound = ImpairedDirection.make(injector, far, near, "inbound")
  const { remote } = inner
  /** True after a reset by a fault; the program sees it as a reset by the peer. */
  let resetByFault = false
  let aborted = false
  let writeEnded = false
  let readShutdown = false
  let isWriting = false
  let isReading = false
  let writeFailure: NetworkError | undefined
  /** End or failure of the underlying reads; reported once the queue is empty. */
  let readEnd: NetworkError | Cause.Done | undefined

  const isTornDown = () => resetByFault || aborted
  const error = (reason: "Reset" | "Closed") => new NetworkError({ reason, address: remote })
  const programFailure = <E extends NetworkError | Cause.Done>(failure: E) =>
    resetByFault && !aborted ? error("Reset") : failure
  // The underlying connection first: a fiber that the queues wake may close it at once, and that is not a reset.
  const tearDown = Effect.andThen(
    inner.abort,
    Effect.sync(() => {
      outbound.clear()
      inbound.clear()
    })
  )
  const reset = Effect.suspend(() => {
    resetByFault = true
    return tearDown
  })
  const awaitDue = (direction: ImpairedDirection.ImpairedDirection) =>
    Effect.suspend(() => {
      const isCancelled = () => isTornDown() || (direction === inbound && readShutdown)
      return Effect.raceFirst(delayQueue.sleepUntil(direction.head()!.dueNanos), direction.waitUntil(isCancelled))
    })

  const writeLoop: Effect.Effect<void> = Effect.gen(function* () {
    while (!isTornDown()) {
      yield* outbound.waitUntil(() => isTornDown() || outbound.head() !== undefined)
      const item = outbound.head()
      if (item === undefined) return
      if (item.dueNanos > delayQueue.now()) {
        yield* awaitDue(outbound)
        continue
      }
      if (item.separate) yield* Effect.yieldNow
      if (item.bytes.length > 0) yield* inner.write(item.bytes)
      if (item.end === "fin") yield* inner.end
      if (item.end === "rst") return yield* Effect.andThen(Effect.yieldNow, reset)
      if (outbound.head() === item) outbound.shift()
    }
  }).pipe(
    Effect.catch((failure) =>
      Effect.sync(() => {
        writeFailure = failure
        outbound.clear()
      })
    )
  )
  const startWriteLoop = Effect.suspend(() => {
    if (isWriting || outbound.head() === undefined) return Effect.void
    isWriting = true
    return Effect.forkIn(writeLoop, fork)
  })

  /** Reads ahead while the buffer has space, so that delayed data do not delay the data after them further. */
  const readLoop: Effect.Effect<void> = Effect.gen(function* () {
    while (!isTornDown()) {
      if (inbound.queuedBytes() >= bufferBytes)
        yield* inbound.waitUntil(() => isTornDown() || inbound.queuedBytes() < bufferBytes)
      inbound.enqueue("data", yield* inner.pull, true)
    }
  }).pipe(
    Effect.catch((failure) =>
      Effect.sync(() => {
        if (Cause.isDone(failure) && !readShutdown) inbound.enqueue("fin", emptyBytes, true)
        readEnd ??= failure
        inbound.wake()
      })
    )
  )
  const startReadLoop = Effect.suspend(() => {
    if (isReading || readEnd !== undefined) return Effect.void
    isReading = true
    return Effect.forkIn(readLoop, fork)
  })

  /** Takes the first piece, which is due. */
  const takeHead: Connection["pull"] = Effect.suspend(() => {
    const item = inbound.head()
    if (isTornDown() || item === undefined) return pull
    inbound.shift()
    if (item.end === "rst") return Effect.andThen(reset, item.bytes.length > 0 ? Effect.succeed(item.bytes) : pull)
    if (item.end === "fin") readEnd = Cause.Done()
    return item.bytes.length > 0 ? Effect.succeed(item.bytes) : pull
  })
  const pullDirectly: Connection["pull"] = Effect.uninterruptibleMask((restore) =>
    Effect.matchEffect(restore(inner.pull), {
      onSuccess: (bytes): Connection["pull"] => {
        if (localEnd.isPeerLocal || inbound.enqueue("data", bytes)) return Effect.succeed(bytes)
        return Effect.andThen(startReadLoop, restore(pull))
      },
      onFailure: (failure): Connection["pull"] => {
        const isFin = Cause.isDone(failure) && !readShutdown && !localEnd.isPeerLocal && !isTornDown()
        if (!isFin || inbound.enqueue("fin", emptyBytes)) return Effect.fail(programFailure(failure))
        readEnd = failure
        return restore(pull)
      }
    })
  )
  const pull: Connection["pull"] = Effect.suspend(() => {
    if (isTornDown())
      return isReading ? Effect.fail(programFailure(error("Closed"))) : Effect.mapError(inner.pull, programFailure)
    const item = inbound.head()
    if (item !== undefined) {
      if (item.dueNanos > delayQueue.now()) {
        if (!readShutdown) return Effect.andThen(awaitDue(inbound), pull)
        // The piece has not arrived, and never will.
        inbound.clear()
        return pull
      }
      return item.separate ? Effect.andThen(Effect.yieldNow, takeHead) : takeHead
    }
    if (readEnd !== undefined) return Effect.fail(programFailure(readEnd))
    if (!isReading) return pullDirectly
    const changed = () => isTornDown() || inbound.head() !== undefined || readEnd !== undefined
    return Effect.andThen(inbound.waitUntil(changed), pull)
  })

  const awaitBufferSpace = Effect.suspend(() =>
    Effect.andThen(
      outbound.waitUntil(() => outbound.queuedBytes() < bufferBytes),
      Effect.suspend(() => {
        if (isTornDown()) return Effect.fail(programFailure(error("Closed")))
        return writeFailure === undefined ? Effect.void : Effect.fail(writeFailure)
      })
    )
  )
  const write: Connection["write"] = (data) =>
    Effect.suspend(() => {
      if (writeEnded || aborted) return Effect.fail(error("Closed"))
      if (resetByFault || writeFailure !== undefined) return Effect.mapError(inner.write(data), programFailure)
      const bytes = typeof data === "string" ? encoder.encode(data) : data
      if (bytes.length === 0 || outbound.enqueue("data", bytes))
        return Effect.mapError(inner.write(bytes), programFailure)
      return Effect.andThen(startWriteLoop, awaitBufferSpace)
    })

  const connection: Connection = {
    local: inner.local,
    remote,
    pull,
    write,
    end: Effect.suspend(() => {
      if (writeEnded || isTornDown()) return inner.end
      writeEnded = true
      return outbound.enqueue("fin", emptyBytes) ? inner.end : startWriteLoop
    }),
    endRead: Effect.suspend(() => {
      readShutdown = true
      inbound.wake()
      return inner.endRead
    }),
    abort: Effect.suspend(() => {
      aborted = true
      return tearDown
    }),
    traffic: () => {
      const waiting = outbound.queuedBytes()
      const { received, sent, unsent } = inner.traffic()
      return { received, sent, unsent: unsent + waiting }
    },
    context: inner.context
  }
  /** Sends queued data first, and resets a connection that cannot send them in time. */
  const close = Effect.suspend(() => {
    const isPending = () => !isTornDown() && outbound.head() !== undefined
    if (!isPending()) return Effect.void
    const now = delayQueue.now()
    const last =
      outbound.lastDueNanos() === Number.POSITIVE_INFINITY
        ? now
        : Math.min(Math.max(outbound.lastDueNanos(), now), now + maxCloseDelayNanos)
    return Effect.andThen(
      Effect.raceFirst(
        outbound.waitUntil(() => !isPending()),
        delayQueue.sleepUntil(last + overdueGraceNanos)
      ),
      Effect.suspend(() => (isPending() ? tearDown : Effect.void))
    )
  })
  const clearAll = Effect.sync(() => {
    aborted = true
    outbound.clear()
    inbound.clear()
  })
  return { connection, outbound, inbound, startWriteLoop, close: Effect.andThen(close, clearAll) }
}

/** Wraps listeners and connections; Unix domain sockets are not impaired. */
export const make = (injector: FaultInjector, fork: Scope.Scope) => {
  const localConnections = LocalConnections.make()
  /** Directions by their addresses. If both ends are local, the direction of the sender is kept. */
  const directions = new Map<string, ImpairedDirection.ImpairedDirection>()

  const trackDirection = (key: string, direction: ImpairedDirection.ImpairedDirection) => {
    directions.set(key, direction)
    return Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (directions.get(key) === direction) directions.delete(key)
      })
    )
  }
  const wrapConnection = Effect.fnUntraced(function* (inner: Connection, accepted: boolean) {
    const { local, remote } = inner
    if (!NetAddress.isInetAddress(local) || !NetAddress.isInetAddress(remote)) return inner
    const near = endpointOf(local)
    const far = endpointOf(remote)
    const [end, leave] = localConnections.register(near, far)
    const { close, connection, inbound, outbound, startWriteLoop } = makeImpairedConnection(
      inner,
      near,
      far,
      end,
      injector,
      fork
    )
    const inboundKey = directionKey(far, near)
    yield* trackDirection(directionKey(near, far), outbound)
    if (!directions.has(inboundKey)) yield* trackDirection(inboundKey, inbound)
    yield* Effect.addFinalizer(() => Effect.andThen(Effect.sync(leave), close))
    if (!accepted || !(end.isPeerLocal || localConnections.isDialled(LocalConnections.endpointKey(near)))) {
      const [synDirection, synAckDirection] = accepted ? [inbound, outbound] : [outbound, inbound]
      synDirection.enqueue("syn", emptyBytes)
      synAckDirection.enqueue("synack", emptyBytes)
      yield* startWriteLoop
    }
    // A client learns of the connection when the SYN-ACK arrives; a server accepts others meanwhile.
    if (!accepted) yield* injector.delayQueue.sleepUntil(Math.max(outbound.lastDueNanos(), inbound.lastDueNanos()))
    return connection
  })

  return {
    /** Returns the capture note for a packet observed on the underlying network. */
    faultNoteOf: ({ bytes, from, kind, to }: Packet) =>
      directions.get(directionKey(from, to))?.faultNoteOf(kind, bytes),
    listener: (inner: Listener): Listener => ({
      address: inner.address,
      accept: Effect.flatMap(inner.accept, (connection) => wrapConnection(connection, true))
    }),
    connect: Effect.fnUntraced(function* (
      remote: NetAddress.SocketAddress,
      connect: Effect.Effect<Connection, NetworkError, Scope.Scope>
    ) {
      if (!NetAddress.isInetAddress(remote)) return yield* connect
      const to = LocalConnections.endpointKey(endpointOf(remote))
      return yield* Effect.acquireUseRelease(
        Effect.sync(() => localConnections.countDialled(to, 1)),
        () => Effect.flatMap(connect, (connection) => wrapConnection(connection, false)),
        () => Effect.sync(() => localConnections.countDialled(to, -1))
      )
    })
  }
}
