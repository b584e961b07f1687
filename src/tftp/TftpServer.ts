/**
 * A TFTP server (RFC 1350, with the options of RFC 2347, 2348, 2349 and 7440) of whatever a `FileStore` holds.
 *
 * Every transfer has a fiber and a socket of its own, which end together. What comes in at the server's port only
 * starts transfers; a request that comes twice starts one.
 */

import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Endpoint from "../network/Endpoint.ts"
import * as Network from "../network/Network.ts"
import * as Sweeper from "../network/Sweeper.ts"
import * as Packet from "./protocol/Packet.ts"
import * as Url from "./protocol/Url.ts"
import * as ListenSockets from "./server/ListenSockets.ts"
import * as RequestHandler from "./server/RequestHandler.ts"
import * as ServerTelemetry from "./server/ServerTelemetry.ts"
import type * as TftpMetrics from "./server/TftpMetrics.ts"
import * as Watch from "./server/Watch.ts"
import * as FileStore from "./store/FileStore.ts"
import * as TftpError from "./TftpError.ts"
import * as TftpEvent from "./TftpEvent.ts"
import * as Retransmission from "./transfer/Retransmission.ts"
import * as RetransmissionTimer from "./transfer/RetransmissionTimer.ts"
import * as Transfer from "./transfer/Transfer.ts"

/** The port of TFTP (RFC 1350). @category constants @since 0.1.0 */
export const defaultPort: number = Url.defaultPort

/** Where to listen and what to allow. @category models @since 0.1.0 */
export interface Options {
  /** An IP literal. Default 127.0.0.1: the network is let in only when asked for. `::` also takes IPv4. */
  readonly host?: string | undefined
  /** Default 69; 0 asks for an ephemeral port. */
  readonly port?: number | undefined
  /** The largest block granted, in bytes, 8 to 65,464 (RFC 2348). Default 65,464. */
  readonly blksize?: number | undefined
  /** The largest window granted, in blocks (RFC 7440). Default 64. */
  readonly windowsize?: number | undefined
  /** Grants no block that would not fit into one packet of a link of so many bytes. Default: no such limit. */
  readonly mtu?: number | undefined
  /** Ports for transfers, both included. Default: any. */
  readonly ports?: readonly [from: number, to: number] | undefined
  /** Transfers stay on the port of the server, for clients behind firewalls. Default false. */
  readonly singlePort?: boolean | undefined
  /** Threads that run the transfers of files of a directory, from `NodeThreads.make`; not with `singlePort`. */
  readonly threads?: RequestHandler.Threads | undefined
  /** When to send again, unless the client asks for an interval. Default `Retransmission.adaptive()`. */
  readonly retransmission?: Retransmission.Retransmission | undefined
  /** Packets in all to a client that has not answered yet: its address may be forged. Default 3. */
  readonly unproven?: number | undefined
  /** Transfers at a time. Default 1,024, or what the process has descriptors for, if that is less. */
  readonly maxTransfers?: number | undefined
  /** Transfers at a time with one address. Default: no limit of its own. */
  readonly maxTransfersPerClient?: number | undefined
  /** The longest a transfer may take. Default 1 day. */
  readonly deadline?: Duration.Input | undefined
  /** How long a closing server lets transfers finish. Default 5 seconds. */
  readonly drain?: Duration.Input | undefined
}

/** What a server has done so far. @category models @since 0.1.0 */
export type Stats = Readonly<TftpMetrics.Stats>

/** What happens at a server. @category models @since 0.1.0 */
export type Event = TftpEvent.Event

/** A running server. @category models @since 0.1.0 */
export interface Server {
  readonly address: NetAddress.InetAddress
  readonly stats: Effect.Effect<Stats>
  /** From now on; a reader that is more than 1,024 events behind loses the oldest. */
  readonly events: Stream.Stream<Event>
  /** Ends the server as its scope does: no new transfers; waits for those that run; stops what is left. */
  readonly drain: Effect.Effect<void>
}

/** A running TFTP server. @category services @since 0.1.0 */
export class TftpServer extends Context.Service<TftpServer, Server>()("effect-inet/tftp/TftpServer") {}

/** Milliseconds between progress events of one transfer. */
const progressPeriod = 250

interface Running extends RequestHandler.Job {
  readonly about: TftpEvent.About
  readonly stop: () => void
  /** What remains is to answer a client that may not know. */
  over: boolean
}

const overloaded = "The server is busy, try again later"
const busy = Transfer.errorOf(Packet.ErrorCode.NotDefined, overloaded)
const superseded = Transfer.errorOf(Packet.ErrorCode.NotDefined, "asked for something else")
const stopping = Transfer.errorOf(Packet.ErrorCode.NotDefined, "The server is stopping")

const keyOf = ({ address, port }: Endpoint.Endpoint) => `${address} ${port}`

const isSame = (one: Packet.Request, other: Packet.Request) =>
  one._tag === other._tag &&
  one.filename === other.filename &&
  one.mode === other.mode &&
  `${one.options}` === `${other.options}`

/**
 * Serves files until the scope closes. What clients do wrong is answered, counted and logged, and never ends it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<Server, Network.NetworkError, Network.Network | FileStore.FileStore | Scope.Scope> {
  const network = yield* Network.Network
  const store = yield* FileStore.FileStore
  const max = options.maxTransfers ?? Math.max(1, Math.min(1_024, network.room()))
  const maxPerClient = options.maxTransfersPerClient ?? Number.POSITIVE_INFINITY
  const ledger = yield* ServerTelemetry.make
  const { stats } = ledger
  const sweeper = yield* Sweeper.make(RetransmissionTimer.period)
  const running = new Map<string, Running>()
  const closing = Latch.makeUnsafe(false)
  let count = 0
  let drained = false

  const terms: RequestHandler.Terms = {
    store,
    sweeper,
    retransmission: options.retransmission ?? Retransmission.adaptive(),
    unproven: options.unproven ?? 3,
    policy: { blksize: options.blksize ?? 65_464, windowsize: options.windowsize ?? 64, mtu: options.mtu },
    ports: options.ports,
    singlePort: options.singlePort ?? false,
    threads: options.singlePort === true ? undefined : options.threads,
    active: () => stats.active
  }
  /** There was no transfer: the door answers. */
  const refused = (job: Running, { message, reason }: TftpError.TftpError) => {
    const isFile = reason._tag === "File"
    const [code, answer] = isFile ? [reason.cause.code, reason.cause.answer] : [Packet.ErrorCode.NotDefined, overloaded]
    job.door.socket.sendUnsafe(Transfer.errorOf(code, answer), job.peer)
    return ledger.refused(job.about, answer, message)
  }

  /** Counted only when what became of it is, too: who sees none active sees all stats. */
  const leave = (job: Running) => {
    if (job.over) return
    job.over = true
    ledger.leave(job.about)
  }

  const serve = Effect.fnUntraced(function* (job: Running) {
    const { about } = job
    const from = sweeper.now()
    yield* Watch.every(sweeper, progressPeriod, () => {
      if (job.transfer !== undefined && !job.over) ledger.progress(about, job.transfer.summary())
    })
    const outcome = yield* RequestHandler.serve(terms, job).pipe(
      Effect.timeoutOrElse({
        duration: options.deadline ?? "1 day",
        orElse: () => new TftpError.TftpError({ reason: new TftpError.TooSlow({ millis: sweeper.now() - from }) })
      }),
      Effect.onInterrupt(() => ledger.stopped(about, job.transfer))
    )
    yield* ledger.finished(about, outcome.summary, sweeper.now() - from)
    leave(job)
    yield* Effect.raceFirst(outcome.after, closing.await)
  }, Effect.scoped)

  const fibers = yield* FiberSet.make<void>()
  const run = yield* FiberSet.runtime(fibers)<Network.Network>()

  const start = (request: Packet.Request, from: Endpoint.Endpoint, door: ListenSockets.Door) => {
    const key = keyOf(from)
    const about: TftpEvent.About = {
      id: ++count,
      kind: request._tag,
      filename: request.filename,
      mode: request.mode,
      client: from
    }
    if (stats.active >= max || ledger.activeOf(from.address) >= maxPerClient) {
      door.socket.sendUnsafe(busy, from)
      run(ledger.refused(about, overloaded, "over the limit of transfers"))
      return
    }
    const job: Running = {
      about,
      request,
      peer: from,
      door,
      receive: () => {},
      transfer: undefined,
      over: false,
      stop: () => fiber.interruptUnsafe()
    }
    running.set(key, job)
    const forget = Effect.sync(() => {
      leave(job)
      if (running.get(key) === job) running.delete(key)
    })
    const fiber = run(
      Effect.andThen(ledger.admit(about), serve(job)).pipe(
        Effect.catch((error) =>
          job.transfer === undefined ? refused(job, error) : ledger.failed(about, error, job.transfer)
        ),
        Effect.catchDefect((defect) => Effect.logError(`${TftpEvent.describe(about)}: the transfer broke`, defect)),
        Effect.ensuring(forget)
      )
    )
  }

  const request = (bytes: Uint8Array, from: Endpoint.Endpoint, door: ListenSockets.Door) => {
    const packet = Packet.decode(bytes)
    if (Result.isFailure(packet)) {
      stats.malformed++
      return door.socket.sendUnsafe(Transfer.errorOf(packet.failure.code, packet.failure.message), from)
    }
    if (packet.success._tag !== "RRQ" && packet.success._tag !== "WRQ") return
    if (drained) return door.socket.sendUnsafe(stopping, from)
    const before = running.get(keyOf(from))
    if (before !== undefined) {
      if (!before.over && isSame(before.request, packet.success)) {
        stats.duplicates++
        return
      }
      // The client has turned to something else. No word to it: it would take that for the answer to its new request.
      if (before.over || before.transfer === undefined) before.stop()
      else before.receive(superseded)
    }
    start(packet.success, from, door)
  }

  const arrive: ListenSockets.Handler = (bytes, from, door) => {
    const opcode = Packet.opcode(bytes)
    if (opcode === Packet.Opcode.RRQ || opcode === Packet.Opcode.WRQ) return request(bytes, from, door)
    if (terms.singlePort) {
      const job = running.get(keyOf(from))
      if (job !== undefined) return job.receive(bytes)
    }
    stats.malformed++
    // ACK and ERROR are not answered: there are clients that acknowledge an ERROR, without end.
    if (opcode === Packet.Opcode.DATA) door.socket.sendUnsafe(Transfer.stranger, from)
  }

  const doors = yield* ListenSockets.open(options.host ?? "127.0.0.1", options.port ?? defaultPort, arrive)

  const drain = yield* Effect.cached(
    Effect.suspend(() => {
      drained = true
      closing.openUnsafe()
      return FiberSet.awaitEmpty(fibers).pipe(
        Effect.interruptible,
        Effect.timeoutOption(options.drain ?? "5 seconds"),
        Effect.andThen(FiberSet.clear(fibers))
      )
    })
  )
  yield* Effect.addFinalizer(() => drain)

  return {
    address: doors[0].socket.local,
    stats: Effect.sync(() => ({ ...stats })),
    events: Stream.fromPubSub(ledger.events),
    drain
  }
})

/** @category layers @since 0.1.0 */
export const layer = (
  options: Options = {}
): Layer.Layer<TftpServer, Network.NetworkError, Network.Network | FileStore.FileStore> =>
  Layer.effect(TftpServer, make(options))
