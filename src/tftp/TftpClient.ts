/**
 * A TFTP client: reads and writes files of any server of RFC 1350, with the options that the server supports.
 *
 * It requests a large window and the file size, and repeats the request without options if the server refuses them or
 * replies with invalid ones. The first server to reply is used; datagrams from any other address get ERROR 5.
 */

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import type * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Endpoint from "../network/Endpoint.ts"
import type * as Network from "../network/Network.ts"
import * as AddressInfo from "../network/names/AddressInfo.ts"
import type { ServiceNames } from "../network/names/ServiceNames.ts"
import * as Sweeper from "../network/Sweeper.ts"
import * as TcpClient from "../network/TcpClient.ts"
import * as ClientHandshake from "./client/ClientHandshake.ts"
import * as ClientRetransmission from "./client/ClientRetransmission.ts"
import * as HandshakeReply from "./client/HandshakeReply.ts"
import * as ReceivedContent from "./client/ReceivedContent.ts"
import * as NameText from "./protocol/NameText.ts"
import * as Negotiation from "./protocol/Negotiation.ts"
import * as Packet from "./protocol/Packet.ts"
import * as Url from "./protocol/Url.ts"
import type * as Store from "./store/Store.ts"
import * as TftpError from "./TftpError.ts"
import * as ReceiveTransfer from "./transfer/ReceiveTransfer.ts"
import type * as Retransmission from "./transfer/Retransmission.ts"
import * as RetransmissionTimer from "./transfer/RetransmissionTimer.ts"
import * as SendTransfer from "./transfer/SendTransfer.ts"
import * as Transfer from "./transfer/Transfer.ts"

/** The progress of a transfer. @category models @since 0.1.0 */
export interface Progress extends Transfer.Summary {
  /** The size of the file in bytes; undefined if the sender did not announce it. */
  readonly total: number | undefined
}

/** Options of one transfer. @category models @since 0.1.0 */
export interface Options {
  /** The block size to request, in bytes, 8 to 65,464. Default 1,428, which fits into an Ethernet frame. */
  readonly blksize?: number | undefined
  /** The window to request, in blocks, 1 to 32,767. Default 64, or fewer if a socket buffer holds fewer. */
  readonly windowsize?: number | undefined
  /** The retransmission timeout of both sides. Default: not requested, and adapted to the round trip time. */
  readonly timeout?: Duration.Input | undefined
  /**
   * Times a packet is sent, the first included; ignored with `retransmission`. Default: as often as `patience` allows.
   */
  readonly attempts?: number | undefined
  /**
   * The time without a reply after which the client gives up. Default 25 seconds, or three timeouts if these are
   * longer; no limit of its own with `attempts` or `retransmission`.
   */
  readonly patience?: Duration.Input | undefined
  /** The retransmission schedule. Default `Retransmission.adaptive()`, or fixed if `timeout` is given. */
  readonly retransmission?: Retransmission.Retransmission | undefined
  /** True to request no options. Default false: requests after two to read, or four to write, have none. */
  readonly plain?: boolean | undefined
  /**
   * True to go on after the host has reported that nothing listens on the port, for a server that is about to start.
   * Default false: the client fails at once.
   */
  readonly ignoreRefusal?: boolean | undefined
  /** The longest duration of the transfer. Default 1 day. */
  readonly deadline?: Duration.Input | undefined
  /** The address family to use. Default: both. */
  readonly family?: 4 | 6 | undefined
  /**
   * Receives the progress at most ten times a second, and at the end. A queue that is full misses values: a sliding one
   * of capacity 1 always has the last value.
   */
  readonly progress?: Queue.Enqueue<Progress> | undefined
}

/** A file of a server: host and path, port 69 and mode octet by default. @category models @since 0.1.0 */
export type Target = Pick<Url.Url, "host" | "path"> & Partial<Url.Url>

/** The services that a client requires. @category models @since 0.1.0 */
export type Services = Network.Network | Dns.Dns | ServiceNames

const defaultOptions = { blksize: 1_428, windowsize: 64 }

/** The largest socket buffer that Linux grants by default (net.core.rmem_max, doubled). */
const defaultReceiveBufferBytes = 425_984

/** The time between values of `progress`. */
const progressIntervalMillis = 100

/** The time before the next address is tried: shorter if all are on this host. */
const attemptDelayMillis = { loopback: 25, network: 250 }

/** The most addresses of a name that are tried. */
const maxAddresses = 4

const fail = (reason: TftpError.Reason) => Effect.fail(new TftpError.TftpError({ reason }))

const addressesOf = Effect.fnUntraced(function* ({ host, port = Url.defaultPort }: Target, family: 4 | 6 | undefined) {
  const found = yield* Effect.mapError(
    AddressInfo.getaddrinfo(host, port, { socktype: "dgram", family }),
    (cause) => new TftpError.TftpError({ reason: new TftpError.Unresolved({ cause }) })
  )
  const addresses = TcpClient.interleave(found.map(({ address }) => address))
  return addresses.slice(0, maxAddresses)
})

/** A transfer in one of the two directions. */
interface Direction {
  readonly kind: Packet.Request["_tag"]
  readonly target: Target
  readonly options: Options
  readonly tsize: number | undefined
  /** Makes the transfer after the handshake; `confirmed` if the server replied with an OACK. */
  readonly makeTransfer: (
    common: Transfer.CommonOptions,
    confirmed: boolean
  ) => Effect.Effect<
    {
      readonly transfer: Transfer.Transfer
      readonly total: () => number | undefined
      readonly dally: Effect.Effect<void>
    },
    never,
    Scope.Scope
  >
}

/**
 * Requests with options before those without: some servers do not reply to a request with options. A server that has
 * received one to write, and whose replies were lost, must have given up before: the file is locked until then.
 */
const requestsWithOptions = { RRQ: 2, WRQ: 4 } as const

const wantedOptions = ({
  options: { blksize = defaultOptions.blksize, timeout, windowsize },
  tsize
}: Direction): Negotiation.Wanted => ({
  blksize,
  windowsize:
    windowsize ??
    Math.min(defaultOptions.windowsize, Negotiation.maxBufferedBlocks(defaultReceiveBufferBytes, blksize)),
  timeoutMillis: timeout === undefined ? undefined : Duration.toMillis(timeout),
  tsize
})

/** Attempts a transfer, with options or without. Returns undefined if the server rejected the options. */
const attempt = Effect.fnUntraced(function* (
  direction: Direction,
  addresses: ReadonlyArray<NetAddress.InetAddress>,
  wanted: Negotiation.Wanted | undefined
) {
  const { kind, options, target } = direction
  const { mode = "octet", path } = target
  const retransmission = ClientRetransmission.make(kind, options)
  const sweeper = yield* Sweeper.make(RetransmissionTimer.periodMillis)
  const { blksize = 512, windowsize = 1 } = wanted ?? {}
  const requestWith = (options: ReadonlyArray<Packet.Option>) =>
    Packet.encode({ _tag: kind, filename: path, mode, options })
  const plainRequest = requestWith([])
  const request = wanted === undefined ? plainRequest : requestWith(Negotiation.requestOptions(wanted))
  if (request.length > Packet.maxRequestBytes) {
    const maxPathBytes = Packet.maxRequestBytes - request.length + NameText.toBytes(path).length
    return yield* fail(
      HandshakeReply.protocolViolation(
        `file name too long: a request of ${Packet.maxRequestBytes} bytes has room for ${maxPathBytes} bytes of name`
      )
    )
  }
  const handshake = yield* ClientHandshake.open({
    addresses,
    request,
    fallback: wanted === undefined ? undefined : { request: plainRequest, afterRequests: requestsWithOptions[kind] },
    ignoreRefusal: options.ignoreRefusal ?? false,
    retransmission: retransmission.request,
    attemptDelayMillis: addresses.every((one) => Endpoint.isLoopback(NetAddress.formatHost(one)))
      ? attemptDelayMillis.loopback
      : attemptDelayMillis.network,
    receiveBufferBytes: Negotiation.receiveBufferBytes({ blksize, windowsize }),
    now: sweeper.now
  })
  const reply = HandshakeReply.parse(kind, handshake.isFallback ? undefined : wanted, handshake.reply)
  if (reply._tag !== "Agreed") {
    if (reply.reason._tag === "ProtocolViolation")
      handshake.send(Transfer.errorPacket(reply.reason.code, reply.reason.detail))
    return reply._tag === "RetryWithoutOptions" ? undefined : yield* fail(reply.reason)
  }
  const common: Transfer.CommonOptions = {
    agreed: reply.agreed,
    mode,
    send: handshake.send,
    sweeper,
    retransmission: retransmission.transfer,
    maxUnvalidatedPackets: undefined,
    initialRttSample: handshake.rttSample,
    memory: "large",
    initialPacket: undefined
  }
  const { dally, total, transfer } = yield* direction.makeTransfer(common, reply.confirmed)
  handshake.onDatagram(transfer.receive)
  // Without an OACK the first reply to a read request is already the first block.
  if (kind === "RRQ" && !reply.confirmed) transfer.receive(handshake.reply)
  const { progress } = options
  if (progress !== undefined) {
    yield* Sweeper.every(sweeper, progressIntervalMillis, () =>
      Queue.offerUnsafe(progress, { ...transfer.summary(), total: total() })
    )
  }
  const summary = yield* transfer.run
  if (progress !== undefined) Queue.offerUnsafe(progress, { ...summary, total: summary.bytes })
  return { summary, dally }
})

/** Resolves the server's name and runs the attempts of a transfer, up to its deadline. */
const run = Effect.fnUntraced(function* (
  direction: Direction
): Effect.fn.Return<Transfer.Summary, TftpError.TftpError, Services> {
  const { options } = direction
  const addresses = yield* addressesOf(direction.target, options.family)
  const runAttempt = (wanted: Negotiation.Wanted | undefined) =>
    Effect.scoped(
      Effect.gen(function* () {
        const done = yield* attempt(direction, addresses, wanted)
        if (done !== undefined) yield* done.dally
        return done?.summary
      })
    )
  const runAttempts = Effect.gen(function* () {
    const first = options.plain === true ? undefined : yield* runAttempt(wantedOptions(direction))
    const summary = first ?? (yield* runAttempt(undefined))
    return (
      summary ??
      (yield* fail(
        HandshakeReply.protocolViolation("the server rejected the options and also the request without them")
      ))
    )
  })
  const deadline = Duration.fromInputUnsafe(options.deadline ?? "1 day")
  return yield* Effect.timeoutOrElse(runAttempts, {
    duration: deadline,
    orElse: () => fail(new TftpError.DeadlineExceeded({ millis: Duration.toMillis(deadline) }))
  })
})

/**
 * Reads a file from a server into `writable`, and commits it before it sends the last ACK. After a failure `writable`
 * is not committed.
 *
 * @category transfers
 * @since 0.1.0
 */
export const download = (
  target: Target,
  writable: Store.Writable,
  options: Options = {}
): Effect.Effect<Transfer.Summary, TftpError.TftpError, Services> =>
  downloadFrom(target, writable, options, { onReply: constVoid, onReceived: Effect.void })

const downloadFrom = (
  target: Target,
  writable: Store.Writable,
  options: Options,
  { onReceived, onReply }: ReceivedContent.DownloadSteps
) =>
  run({
    kind: "RRQ",
    target,
    options,
    tsize: 0,
    makeTransfer: Effect.fnUntraced(function* (common, confirmed) {
      const transfer = yield* ReceiveTransfer.make({
        ...common,
        initialPacket: confirmed ? Packet.ack(0) : undefined,
        writable,
        learnRollover: true
      })
      onReply(common.agreed.tsize)
      return { transfer, total: () => common.agreed.tsize, dally: Effect.andThen(onReceived, transfer.dally) }
    })
  })

/** A file of a server, opened for reading. @category models @since 0.1.0 */
export interface OpenedFile {
  /** The size in bytes; undefined if the server did not announce it. */
  readonly size: number | undefined
  /** The content, to be read once. */
  readonly content: Stream.Stream<Uint8Array, TftpError.TftpError>
}

/** Opens a file; `ended` waits until the client needs to reply no more. */
const openFile = Effect.fnUntraced(function* (target: Target, options: Options) {
  const { content, fail, size, steps, writable } = yield* ReceivedContent.make
  const fiber = yield* downloadFrom(target, writable, options, steps).pipe(
    Effect.onError(fail),
    Effect.ignore,
    Effect.forkScoped
  )
  const file: OpenedFile = { size: yield* size, content }
  return { file, ended: Fiber.await(fiber) }
})

/**
 * Opens a file of a server: returns once the server has replied. The content is received no faster than it is read.
 * Closing the scope stops the transfer; after the end of the content the client dallies until then, in case the last
 * ACK was lost.
 *
 * @category transfers
 * @since 0.1.0
 */
export const open = (
  target: Target,
  options: Options = {}
): Effect.Effect<OpenedFile, TftpError.TftpError, Services | Scope.Scope> =>
  Effect.map(openFile(target, options), ({ file }) => file)

/**
 * Reads a file from a server as a stream, no faster than the stream is consumed; closing the stream stops the transfer.
 *
 * **Example** (Read a file)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import { NodeServices } from "effect-inet/network"
 * import { FileStore, MemoryStore, TftpClient, TftpServer } from "effect-inet/tftp"
 *
 * const store = MemoryStore.make({ files: new Map([["boot.cfg", new TextEncoder().encode("timeout 5")]]) })
 *
 * const program = Effect.gen(function*() {
 *   const { address } = yield* TftpServer.make({ port: 0 }).pipe(Effect.provideService(FileStore.FileStore, store))
 *   const read = (path: string) => TftpClient.get({ host: "127.0.0.1", port: address.port, path })
 *   yield* Stream.mkString(Stream.decodeText(read("boot.cfg"))) // => "timeout 5"
 *   const error = yield* Effect.flip(Stream.runDrain(read("missing")))
 *   error.message // => "refused by the peer: File not found (error 1)"
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
 * ```
 *
 * @category transfers
 * @since 0.1.0
 */
export const get = (target: Target, options: Options = {}): Stream.Stream<Uint8Array, TftpError.TftpError, Services> =>
  Stream.unwrap(
    Effect.map(openFile(target, options), ({ ended, file }) =>
      Stream.concat(file.content, Stream.fromEffectDrain(ended))
    )
  )

/**
 * Writes a file to a server; returns when the server has acknowledged the last block.
 *
 * **Example** (Write a file)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { NodeServices } from "effect-inet/network"
 * import { FileStore, MemoryStore, TftpClient, TftpServer } from "effect-inet/tftp"
 *
 * const files = new Map<string, Uint8Array>()
 * const store = MemoryStore.make({ files, write: "create" })
 *
 * const program = Effect.gen(function*() {
 *   const { address } = yield* TftpServer.make({ port: 0 }).pipe(Effect.provideService(FileStore.FileStore, store))
 *   const target = { host: "127.0.0.1", port: address.port, path: "switch1.cfg" }
 *   const file = MemoryStore.fromBytes(new TextEncoder().encode("hostname switch1"))
 *   const { bytes } = yield* TftpClient.put(target, file, { deadline: "1 minute" })
 *   bytes // => 16
 *   new TextDecoder().decode(files.get("switch1.cfg")) // => "hostname switch1"
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
 * ```
 *
 * @category transfers
 * @since 0.1.0
 */
export const put = (
  target: Target,
  readable: Pick<Store.Readable, "body" | "size" | "unchanged">,
  options: Options = {}
): Effect.Effect<Transfer.Summary, TftpError.TftpError, Services> =>
  run({
    kind: "WRQ",
    target,
    options,
    // The encoded size of a netascii transfer is unknown.
    tsize: target.mode === "netascii" ? undefined : readable.size,
    makeTransfer: Effect.fnUntraced(function* (common) {
      const transfer = yield* SendTransfer.make({ ...common, readable, filename: target.path })
      return { transfer, total: () => readable.size, dally: Effect.void }
    })
  })
