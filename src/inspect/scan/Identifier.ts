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

const isPrefix = (part: Uint8Array, whole: Uint8Array) =>
  part.length <= whole.length && part.every((byte, index) => byte === whole[index])

const nothing = new Uint8Array(0)

/** A part of the request that comes back may be all of it soon, and tells nothing before. */
const isPartOfEcho = (reply: Uint8Array, request: Uint8Array) =>
  reply.length < request.length && isPrefix(reply, request)

/** Tests if the request came back. One without letters also comes back from a server that changes letters. */
const isEcho = (reply: Uint8Array, request: Uint8Array) =>
  reply.length === request.length && isPrefix(reply, request) && /[a-z]{2}/i.test(textOf(request))

const recognize = (
  probes: ReadonlyArray<ServiceProbe>,
  reply: Uint8Array,
  port: number,
  request: Uint8Array
): Identity | undefined => {
  if (isEcho(reply, request)) return { service: "echo" }
  if (isPartOfEcho(reply, request)) return undefined
  for (const probe of probes) {
    const identity = probe.identify(reply, port)
    if (identity !== undefined) return identity
  }
  return undefined
}

/** The reply of one connection. */
interface Reply {
  /** The probe whose request was sent last; undefined before any. */
  readonly probe: ServiceProbe | undefined
  readonly identity: Identity | undefined
  readonly bytes: Uint8Array
  /** The server closed the connection. */
  readonly hasEnded: boolean
}

/** Reads until the reply is recognized, too long, ended or late. */
const read = Effect.fnUntraced(function* (
  { pull }: Network.Connection,
  probe: ServiceProbe | undefined,
  others: ReadonlyArray<ServiceProbe>,
  port: number,
  { greetingMillis, maxReplyBytes: maxBytes, replyMillis }: Limits
) {
  const request = probe?.request ?? nothing
  const probes = probe === undefined ? others : [probe, ...others.filter((one) => one !== probe)]
  const now = yield* Monotonic.millis
  const deadline = now() + (probe === undefined ? greetingMillis : replyMillis)
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
    identity = recognize(probes, buffer.subarray(0, length), port, request)
  }
  const bytes = buffer.slice(0, length)
  // Some servers end their line, or their header, only when the client says something.
  if (identity === undefined && length > 0 && !isPartOfEcho(bytes, request)) {
    identity = recognize(probes, Uint8Array.of(...bytes, ...lineEnds), port, nothing)
  }
  const reply: Reply = { probe, identity, bytes, hasEnded }
  return reply
})

/** Probes of the port first, then the others, each in their order. */
const inOrder = (probes: ReadonlyArray<ServiceProbe>, port: number): ReadonlyArray<ServiceProbe> => [
  ...probes.filter(({ ports }) => ports.includes(port)),
  ...probes.filter(({ ports }) => !ports.includes(port))
]

/** A server of which no byte has come, and which has not closed the connection: none that reads, perhaps. */
const isSilent = ({ bytes, hasEnded, identity }: Reply) => identity === undefined && bytes.length === 0 && !hasEnded

/**
 * Connects, and sends one request after the other until something comes back; `undefined` waits for a greeting. Replies
 * may also be those of other probes, which need no request of their own.
 */
const converse = Effect.fnUntraced(
  function* (
    target: Target,
    requests: ReadonlyArray<ServiceProbe | undefined>,
    others: ReadonlyArray<ServiceProbe>,
    limits: Limits
  ) {
    const network = yield* Network.Network
    const { address, port } = target
    const connection = yield* network.connect(NetAddress.inetAddressFromNativeUnsafe(address, port))
    yield* Effect.addFinalizer(() => connection.abort)
    let reply: Reply = { probe: undefined, identity: undefined, bytes: nothing, hasEnded: false }
    for (const probe of requests) {
      if (probe?.request !== undefined) yield* connection.write(probe.request)
      reply = yield* read(connection, probe, others, port, limits)
      if (!isSilent(reply)) return reply
    }
    return reply
  },
  Effect.scoped,
  (conversation, _target, _requests, _others, { replyMillis }) =>
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

/** Returns a reply after which the port is not asked further, as its identity; undefined if it may be asked. */
const concluded = ({ bytes, hasEnded, identity, probe }: Reply): Identity | undefined => {
  if (identity !== undefined || probe !== undefined) return identity
  // A server with a greeting of its own that is not known is not asked further.
  if (bytes.length > 0) return unknown(bytes)
  // A wrapper that accepts the connection and closes it hides its service.
  return hasEnded ? { service: "tcpwrapped" } : undefined
}

/** Sends requests on a connection of its own; undefined if it could not be opened. */
type Attempt = (
  requests: ReadonlyArray<ServiceProbe | undefined>
) => Effect.Effect<Reply | undefined, never, Network.Network>

/** Tries requests, several at a time, until the reply to one of them is recognized. */
const tryRequests = (requests: ReadonlyArray<ServiceProbe>, attempt: Attempt, before: Uint8Array) => {
  let unrecognized = before
  return Effect.forEach(
    requests,
    (probe) =>
      Effect.flatMap(attempt([probe]), (reply) => {
        if (reply?.identity !== undefined) return Effect.fail(reply.identity)
        if (reply !== undefined && unrecognized.length === 0) unrecognized = reply.bytes
        return Effect.void
      }),
    { concurrency: maxParallelRequests, discard: true }
  ).pipe(
    Effect.match({
      onFailure: (identity): Identity | undefined => identity,
      onSuccess: () => unknown(unrecognized)
    })
  )
}

/**
 * Connections to a port that says nothing. A stopped server does not accept them, and the system keeps each in the
 * backlog, also after a reset: more would fill it, and the port would then seem filtered.
 */
const maxSilentConnections = 2

/** Order in which a port is asked. */
interface Order {
  /** Requests one after the other, each entry on a connection of its own. */
  readonly first: ReadonlyArray<ReadonlyArray<ServiceProbe | undefined>>
  /** Requests of which a server without a sign of life gets only the first one. */
  readonly later: ReadonlyArray<ServiceProbe>
}

const isText = ({ isSelfDescribing }: ServiceProbe) => isSelfDescribing === true

/**
 * Orders the requests. At a port of a known request it is sent at once; elsewhere the server has the first word, and
 * then gets a request to which most servers reply something. One that ignores it waits for bytes of another kind.
 */
const orderOf = (requests: ReadonlyArray<ServiceProbe>, port: number): Order => {
  const hinted = requests.filter(({ ports }) => ports.includes(port))
  const others = requests.filter((probe) => !hinted.includes(probe))
  const general = others.find(isText)
  const rest = others.filter((probe) => probe !== general)
  return {
    first: [...hinted.map((probe) => [probe]), general === undefined ? [undefined] : [undefined, general]],
    later: [...rest.filter((probe) => !isText(probe)), ...rest.filter(isText)]
  }
}

const identifyTcp = Effect.fnUntraced(
  function* (target: Target, probes: ReadonlyArray<ServiceProbe>, limits: Limits) {
    const ordered = inOrder(probes, target.port)
    const others = ordered.filter(({ isSelfDescribing, request }) => request === undefined || isSelfDescribing === true)
    const order = orderOf(
      ordered.filter(({ request }) => request !== undefined),
      target.port
    )
    const attempt: Attempt = (requests) => converse(target, requests, others, limits)
    let isAlive = false
    let silentConnections = 0
    let unrecognized: Uint8Array = nothing
    let next = 0
    for (const requests of [...order.first, ...order.later.map((probe) => [probe])]) {
      // A live server is asked the others several at a time.
      if (isAlive && next >= order.first.length) break
      next++
      const reply = yield* attempt(requests)
      if (reply === undefined) return undefined
      const identity = concluded(reply)
      if (identity !== undefined) return identity
      if (unrecognized.length === 0) unrecognized = reply.bytes
      isAlive ||= !isSilent(reply)
      if (!isAlive && ++silentConnections === maxSilentConnections) return undefined
    }
    const left = order.later.slice(Math.max(0, next - order.first.length))
    return yield* tryRequests(left, attempt, unrecognized)
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
      const request = probe.request ?? nothing
      const isSame = bytes.length === request.length && isPrefix(bytes, request)
      const identity = recognize([probe], bytes, port, request) ?? (isSame ? undefined : unknown(bytes))
      Deferred.doneUnsafe(answered, Exit.succeed(identity))
    }
    const socket = yield* network.udp({ host }, onDatagram, constVoid)
    yield* socket.send(probe.request ?? nothing, { address, port })
    return Option.getOrUndefined(yield* Effect.timeoutOption(Deferred.await(answered), replyMillis))
  },
  Effect.scoped,
  Effect.catch(() => Effect.undefined)
)

/** Requests over UDP that are sent at a time to a port. */
const maxParallelDatagrams = 8

/** Sends the requests of the port first, one after the other, and then those of others. */
const identifyUdp = (target: Target, probes: ReadonlyArray<ServiceProbe>, limits: Limits) => {
  let unrecognized: Identity | undefined
  const attempt = (probe: ServiceProbe) =>
    Effect.flatMap(exchange(target, probe, limits), (identity) => {
      if (identity !== undefined && identity.service !== "unknown") return Effect.fail(identity)
      unrecognized ??= identity
      return Effect.void
    })
  const isHinted = ({ ports }: ServiceProbe) => ports.includes(target.port)
  return Effect.forEach(probes.filter(isHinted), attempt, { discard: true }).pipe(
    Effect.andThen(
      Effect.forEach(
        probes.filter((probe) => !isHinted(probe)),
        attempt,
        { concurrency: maxParallelDatagrams, discard: true }
      )
    ),
    Effect.match({ onFailure: (identity): Identity | undefined => identity, onSuccess: () => unrecognized })
  )
}

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
