/**
 * Finds out which service is behind an open port, by `ServiceProbe`s over a `Network`.
 *
 * Bytes and time are bounded, for each probe and for all of them, so that a server that answers with garbage, without
 * an end, or a byte at a time holds nothing up.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Endpoint from "../../network/Endpoint.ts"
import * as Monotonic from "../../network/Monotonic.ts"
import * as Network from "../../network/Network.ts"
import type { Transport } from "./PortTest.ts"
import { detailOf, firstLine, type Identity, type ServiceProbe, textOf } from "./ServiceProbe.ts"

/** Limits of the identification of a port. */
export interface Limits {
  /** Time for a server that speaks first. */
  readonly greetingMillis: number
  /** Time for the reply to a request. */
  readonly replyMillis: number
  /** Time for the whole port. */
  readonly portMillis: number
  /** Bytes of a reply that are read. */
  readonly maxReplyBytes: number
}

/** Default limits. @category constants @since 0.1.0 */
export const defaultLimits: Limits = {
  greetingMillis: 800,
  replyMillis: 1_500,
  portMillis: 8_000,
  maxReplyBytes: 16_384
}

/** A port to identify. */
export interface Target {
  readonly address: string
  readonly port: number
  readonly transport: Transport
}

/** The end of a line and of a header, CR LF CR LF. */
const lineEnds = [13, 10, 13, 10]

/** Most chunks of a reply: the recognition runs for each of them. */
const maxChunks = 64

const recognize = (probes: ReadonlyArray<ServiceProbe>, reply: Uint8Array, port: number): Identity | undefined => {
  for (const probe of probes) {
    const identity = probe.identify(reply, port)
    if (identity !== undefined) return identity
  }
  return undefined
}

/** The reply of one connection. */
interface Reply {
  readonly identity: Identity | undefined
  readonly bytes: Uint8Array
  /** The server closed the connection. */
  readonly hasEnded: boolean
}

/** Reads until the reply is recognized, too long, ended or late. */
const read = Effect.fnUntraced(function* (
  { pull }: Network.Connection,
  probes: ReadonlyArray<ServiceProbe>,
  port: number,
  timeoutMillis: number,
  maxBytes: number
) {
  const now = yield* Monotonic.millis
  const deadline = now() + timeoutMillis
  const buffer = new Uint8Array(maxBytes)
  let length = 0
  let identity: Identity | undefined
  let hasEnded = false
  for (let chunks = 0; chunks < maxChunks && length < maxBytes && identity === undefined; chunks++) {
    const next = pull.pipe(
      Effect.map((bytes): Uint8Array | undefined => bytes),
      Pull.catchDone(() => Effect.undefined),
      Effect.catch(() => Effect.undefined),
      Effect.timeoutOption(Math.max(0, deadline - now()))
    )
    const chunk = yield* next
    if (Option.isNone(chunk)) break
    if (chunk.value === undefined) {
      hasEnded = true
      break
    }
    const part = chunk.value.subarray(0, maxBytes - length)
    buffer.set(part, length)
    length += part.length
    identity = recognize(probes, buffer.subarray(0, length), port)
  }
  const bytes = buffer.slice(0, length)
  // Some servers end their line, or their header, only when the client says something.
  identity ??= length === 0 ? undefined : recognize(probes, Uint8Array.of(...bytes, ...lineEnds), port)
  const reply: Reply = { identity, bytes, hasEnded }
  return reply
})

/** Probes of the port first, then the others, each in their order. */
const inOrder = (probes: ReadonlyArray<ServiceProbe>, port: number): ReadonlyArray<ServiceProbe> => [
  ...probes.filter(({ ports }) => ports.includes(port)),
  ...probes.filter(({ ports }) => !ports.includes(port))
]

/** Connects, sends a request, and reads the reply, also as one of the probes that need no request of their own. */
const converse = Effect.fnUntraced(
  function* (target: Target, probe: ServiceProbe | undefined, others: ReadonlyArray<ServiceProbe>, limits: Limits) {
    const network = yield* Network.Network
    const { address, port } = target
    const connection = yield* network.connect(NetAddress.inetAddressFromNativeUnsafe(address, port))
    yield* Effect.addFinalizer(() => connection.abort)
    if (probe?.request !== undefined) yield* connection.write(probe.request)
    const timeout = probe?.request === undefined ? limits.greetingMillis : limits.replyMillis
    const probes = probe === undefined ? others : [probe, ...others.filter((one) => one !== probe)]
    return yield* read(connection, probes, port, timeout, limits.maxReplyBytes)
  },
  Effect.scoped,
  (conversation, _target, _probe, _others, { replyMillis }) =>
    conversation.pipe(
      Effect.timeoutOption(2 * replyMillis),
      Effect.map(Option.getOrUndefined),
      Effect.catch(() => Effect.undefined)
    )
)

/** Identity of a server whose replies are not recognized: its first line. */
const unknown = (bytes: Uint8Array): Identity | undefined => {
  const detail = detailOf(firstLine(textOf(bytes)))
  return detail === undefined ? undefined : { service: "unknown", detail }
}

/** Requests that are tried at a time: a service that ignores one costs the whole time for its reply. */
const maxParallelRequests = 4

/** Tries requests, several at a time, until the reply to one of them is recognized. */
const tryRequests = (
  requests: ReadonlyArray<ServiceProbe>,
  attempt: (probe: ServiceProbe) => Effect.Effect<Reply | undefined, never, Network.Network>
) => {
  let unrecognized: Uint8Array | undefined
  return Effect.forEach(
    requests,
    (probe) =>
      Effect.flatMap(attempt(probe), (reply) => {
        if (reply?.identity !== undefined) return Effect.fail(reply.identity)
        if (reply !== undefined && reply.bytes.length > 0) unrecognized ??= reply.bytes
        return Effect.void
      }),
    { concurrency: maxParallelRequests, discard: true }
  ).pipe(
    Effect.match({
      onFailure: (identity): Identity | undefined => identity,
      onSuccess: () => (unrecognized === undefined ? undefined : unknown(unrecognized))
    })
  )
}

const identifyTcp = Effect.fnUntraced(
  function* (target: Target, probes: ReadonlyArray<ServiceProbe>, limits: Limits) {
    const ordered = inOrder(probes, target.port)
    const others = ordered.filter(({ isSelfDescribing, request }) => request === undefined || isSelfDescribing === true)
    const requests = ordered.filter(({ request }) => request !== undefined)
    const attempt = (probe: ServiceProbe | undefined) => converse(target, probe, others, limits)
    // At a port of a known request it is sent at once; elsewhere the server has the first word.
    const hinted = requests.filter(({ ports }) => ports.includes(target.port))
    for (const probe of hinted) {
      const reply = yield* attempt(probe)
      if (reply?.identity !== undefined) return reply.identity
    }
    const greeting = yield* attempt(undefined)
    if (greeting?.identity !== undefined) return greeting.identity
    // A server with a greeting of its own that is not known is not asked further.
    if (greeting !== undefined && greeting.bytes.length > 0) return unknown(greeting.bytes)
    // A wrapper that accepts the connection and closes it hides its service.
    if (greeting?.hasEnded === true) return { service: "tcpwrapped" }
    return yield* tryRequests(
      requests.filter((probe) => !hinted.includes(probe)),
      attempt
    )
  },
  (identification, _target, _probes, { portMillis }) =>
    Effect.map(Effect.timeoutOption(identification, portMillis), Option.getOrUndefined)
)

/**
 * Sends the request of a probe from a socket that is not connected: some servers, such as those of TFTP, reply from
 * another port.
 */
const exchange = Effect.fnUntraced(
  function* ({ address, port }: Target, probe: ServiceProbe, { replyMillis }: Limits) {
    const network = yield* Network.Network
    const answered = yield* Deferred.make<Identity | undefined>()
    const host = Endpoint.familyOf(Endpoint.withoutZone(address)) === "IPv6" ? "::" : "0.0.0.0"
    const onDatagram = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      if (Endpoint.canonical(from.address) !== Endpoint.canonical(address)) return
      Deferred.doneUnsafe(answered, Exit.succeed(probe.identify(bytes, port) ?? unknown(bytes)))
    }
    const socket = yield* network.udp({ host }, onDatagram, constVoid)
    yield* socket.send(probe.request ?? new Uint8Array(0), { address, port })
    return Option.getOrUndefined(yield* Effect.timeoutOption(Deferred.await(answered), replyMillis))
  },
  Effect.scoped,
  Effect.catch(() => Effect.undefined)
)

const identifyUdp = Effect.fnUntraced(function* (target: Target, probes: ReadonlyArray<ServiceProbe>, limits: Limits) {
  for (const probe of probes.filter(({ ports }) => ports.includes(target.port))) {
    const identity = yield* exchange(target, probe, limits)
    if (identity !== undefined) return identity
  }
  return undefined
})

/** Tests if there is a probe for a UDP port that has not answered the scan: it may answer its own request. */
export const hasUdpProbe = (probes: ReadonlyArray<ServiceProbe>, port: number): boolean =>
  probes.some(({ ports, transport }) => transport === "udp" && ports.includes(port))

/** Identifies the service of a port; undefined if it tells nothing. */
export const identify = (
  target: Target,
  probes: ReadonlyArray<ServiceProbe>,
  limits: Limits
): Effect.Effect<Identity | undefined, never, Network.Network> => {
  const own = probes.filter(({ transport }) => transport === target.transport)
  return target.transport === "tcp" ? identifyTcp(target, own, limits) : identifyUdp(target, own, limits)
}
