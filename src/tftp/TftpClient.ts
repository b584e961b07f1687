/**
 * A TFTP client: files from and to any server of RFC 1350, with its options where it knows them.
 *
 * It asks for large windows and the size, and does without where a server refuses the options, ignores them or answers
 * nonsense. The first server to answer counts; datagrams of anybody else are turned away.
 */

import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
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
import * as HandshakeReply from "./client/HandshakeReply.ts"
import * as Negotiation from "./protocol/Negotiation.ts"
import * as Packet from "./protocol/Packet.ts"
import * as Url from "./protocol/Url.ts"
import type * as Store from "./store/Store.ts"
import * as TftpError from "./TftpError.ts"
import * as ReceiveTransfer from "./transfer/ReceiveTransfer.ts"
import * as Retransmission from "./transfer/Retransmission.ts"
import * as RetransmissionTimer from "./transfer/RetransmissionTimer.ts"
import * as SendTransfer from "./transfer/SendTransfer.ts"
import * as Transfer from "./transfer/Transfer.ts"

/** How a transfer goes so far. @category models @since 0.1.0 */
export interface Progress extends Transfer.Summary {
  /** Bytes in all, if the sender has said so. */
  readonly total: number | undefined
}

/** What to ask for. @category models @since 0.1.0 */
export interface Options {
  /** Bytes of a block to ask for, 8 to 65,464. Default 1,428, which fits into a packet of Ethernet. */
  readonly blksize?: number | undefined
  /** Blocks to an acknowledgement to ask for. Default 64, or what a socket buffer holds if that is less. */
  readonly windowsize?: number | undefined
  /** The interval after which either side sends again; asked for only if given. Default: it follows the round trip. */
  readonly timeout?: Duration.Input | undefined
  /** How often the same is sent in all. Default 6 with `timeout`, else 10, or what `retransmission` says. */
  readonly attempts?: number | undefined
  /** When to send again. Default `Retransmission.adaptive()`, or fixed if `timeout` is given. */
  readonly retransmission?: Retransmission.Retransmission | undefined
  /** Asks for no options, for servers that break on them. Default false. */
  readonly plain?: boolean | undefined
  /** The longest a transfer may take. Default 1 day. */
  readonly deadline?: Duration.Input | undefined
  /** Addresses of one family only. Default: both. */
  readonly family?: 4 | 6 | undefined
  /** Is told of the progress, ten times a second at most, and of the end; must not throw. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** A file of a server. @category models @since 0.1.0 */
export type Target = Pick<Url.Url, "host" | "path"> & Partial<Url.Url>

/** What the client stands on. @category models @since 0.1.0 */
export type Services = Network.Network | Dns.Dns | ServiceNames

const defaultOptions = { blksize: 1_428, windowsize: 64 }

/** Bytes that Linux lets a socket buffer have unless told otherwise (net.core.rmem_max, doubled). */
const defaultReceiveBufferBytes = 425_984

/** Milliseconds between reports of progress. */
const progressIntervalMillis = 100

/** Milliseconds to the next address of a name: none is far on this very host. */
const attemptDelayMillis = { loopback: 25, network: 250 }

/** Addresses of a name that are tried. */
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

/** What both directions share. */
interface Direction {
  readonly kind: Packet.Request["_tag"]
  readonly target: Target
  readonly options: Options
  readonly tsize: number | undefined
  /** Begins the transfer that was agreed on. */
  readonly start: (
    common: Transfer.CommonOptions,
    opened: ClientHandshake.ClientHandshake,
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

const retransmissionOf = ({ attempts, retransmission, timeout }: Options): Retransmission.Retransmission =>
  retransmission ??
  (timeout === undefined ? Retransmission.adaptive({ attempts }) : Retransmission.fixed({ every: timeout, attempts }))

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

/** One try: with options, or without. Nothing where the server does not get along with them. */
const attempt = Effect.fnUntraced(function* (
  direction: Direction,
  addresses: ReadonlyArray<NetAddress.InetAddress>,
  wanted: Negotiation.Wanted | undefined
) {
  const { kind, options, target } = direction
  const { mode = "octet", path } = target
  const retransmission = retransmissionOf(options)
  const sweeper = yield* Sweeper.make(RetransmissionTimer.periodMillis)
  const { blksize = 512, windowsize = 1 } = wanted ?? {}
  const request = Packet.encode({
    _tag: kind,
    filename: path,
    mode,
    options: wanted === undefined ? [] : Negotiation.requestOptions(wanted)
  })
  if (request.length > Packet.maxRequestBytes) {
    const maxPathBytes = Packet.maxRequestBytes - request.length + new TextEncoder().encode(path).length
    return yield* fail(
      HandshakeReply.protocolViolation(
        `the name of the file has more than ${maxPathBytes} bytes, the most that fit into a request`
      )
    )
  }
  const handshake = yield* ClientHandshake.open({
    addresses,
    request,
    retransmission,
    attemptDelayMillis: addresses.every((one) => Endpoint.isLoopback(NetAddress.formatHost(one)))
      ? attemptDelayMillis.loopback
      : attemptDelayMillis.network,
    receiveBufferBytes: Negotiation.receiveBufferBytes({ blksize, windowsize }),
    now: sweeper.now
  })
  const reply = HandshakeReply.parse(kind, wanted, handshake.reply)
  if (reply._tag !== "Agreed") {
    if (reply.reason._tag === "ProtocolViolation")
      handshake.send(Transfer.errorPacket(reply.reason.code, reply.reason.detail))
    return reply._tag === "Again" ? undefined : yield* fail(reply.reason)
  }
  const common: Transfer.CommonOptions = {
    agreed: reply.agreed,
    mode,
    send: handshake.send,
    sweeper,
    retransmission,
    maxUnvalidatedPackets: undefined,
    initialRttSample: handshake.rttSample,
    mayUseLargeBuffers: true,
    initialPacket: undefined
  }
  const { dally, total, transfer } = yield* direction.start(common, handshake, reply.confirmed)
  const { onProgress } = options
  if (onProgress !== undefined) {
    yield* Sweeper.every(sweeper, progressIntervalMillis, () => onProgress({ ...transfer.summary(), total: total() }))
  }
  const summary = yield* transfer.run
  onProgress?.({ ...summary, total: summary.bytes })
  return { summary, dally }
})

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
    return summary ?? (yield* fail(HandshakeReply.protocolViolation("the server does not get along with the request")))
  })
  const deadline = Duration.fromInputUnsafe(options.deadline ?? "1 day")
  return yield* Effect.timeoutOrElse(runAttempts, {
    duration: deadline,
    orElse: () => fail(new TftpError.DeadlineExceeded({ millis: Duration.toMillis(deadline) }))
  })
})

/**
 * Reads a file from a server into `writable`, which is committed before the server hears of the end; on failure it is
 * not.
 *
 * @category transfers
 * @since 0.1.0
 */
export const download = (
  target: Target,
  writable: Store.Writable,
  options: Options = {}
): Effect.Effect<Transfer.Summary, TftpError.TftpError, Services> =>
  run({
    kind: "RRQ",
    target,
    options,
    tsize: 0,
    start: Effect.fnUntraced(function* (common, handshake, confirmed) {
      const transfer = yield* ReceiveTransfer.make({
        ...common,
        initialPacket: confirmed ? Packet.ack(0) : undefined,
        writable,
        learnRollover: true
      })
      handshake.onDatagram(transfer.receive)
      if (!confirmed) transfer.receive(handshake.reply)
      return { transfer, total: () => common.agreed.tsize, dally: transfer.dally }
    })
  })

/**
 * A file of a server as a stream: it is read as fast as the stream is, and ends with it. Fails with `TftpError`.
 *
 * @category transfers
 * @since 0.1.0
 */
export const get = (target: Target, options: Options = {}): Stream.Stream<Uint8Array, TftpError.TftpError, Services> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const queue = yield* Queue.bounded<Uint8Array, TftpError.TftpError | Cause.Done>(4)
      const writable: Store.Writable = {
        write: (bytes) => Effect.asVoid(Queue.offer(queue, bytes.slice())),
        commit: Effect.void
      }
      // The end comes last: whoever reads may close the scope then, and the server is to know first.
      yield* download(target, writable, options).pipe(
        Effect.andThen(Queue.end(queue)),
        Effect.onError((cause) => Queue.failCause(queue, cause)),
        Effect.ignore,
        Effect.forkScoped
      )
      return Stream.fromQueue(queue)
    })
  )

/**
 * Writes a file to a server. That it returns means that the server has acknowledged all of it.
 *
 * @category transfers
 * @since 0.1.0
 */
export const put = (
  target: Target,
  readable: Pick<Store.Readable, "body" | "size">,
  options: Options = {}
): Effect.Effect<Transfer.Summary, TftpError.TftpError, Services> =>
  run({
    kind: "WRQ",
    target,
    options,
    // The size that netascii makes of it is not known.
    tsize: target.mode === "netascii" ? undefined : readable.size,
    start: Effect.fnUntraced(function* (common, handshake) {
      const transfer = yield* SendTransfer.make({ ...common, readable, filename: target.path })
      handshake.onDatagram(transfer.receive)
      return { transfer, total: () => readable.size, dally: Effect.void }
    })
  })
