/**
 * The rates of all packet faults on live sockets: 20,000 packets for each go through a proxy on 127.0.0.1.
 *
 * A fault is counted where it arrives, not where it is decided. A row fails if the count is more than three standard
 * deviations from the rate of the plan, or if the kernel has dropped a datagram.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Network from "../../../src/network/Network.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../../src/simulation/impairment/Impairment.ts"
import * as ImpairProxy from "../../../src/simulation/impairment/ImpairProxy.ts"

/** A fault and the way to see it. */
export interface Row {
  readonly plan: string
  readonly transport: "udp" | "tcp"
  /** Share of the packets that the plan selects. */
  readonly share: number
  /** Mean length of a burst. Default 1. */
  readonly burst?: number
  /** True if the fault is seen by its time, which other programs may prolong. Default false. */
  readonly isTimed?: boolean
  /** Counts the packets with the fault. */
  readonly count: (received: ReadonlyArray<Received>, sent: number) => number
}

/** A datagram that arrived, or what arrived of a segment. */
export interface Received {
  readonly index: number
  readonly bytes: Uint8Array
  /** Time on the way; only of a segment. */
  readonly millis?: number
}

/** Counts of a row. */
interface Measured {
  readonly sent: number
  readonly counted: number
  /** Number of times that the engine applied the rule. */
  readonly applied: number
  readonly expected: number
  readonly deviations: number
  readonly kernelDrops: number
}

const payloadBytes = 32
const noBytes = new Uint8Array(0)

/** Creates a payload with its number and a pattern. */
const payload = (index: number) => {
  const bytes = new Uint8Array(payloadBytes).fill(0xa5)
  new DataView(bytes.buffer).setUint32(0, index)
  return bytes
}

const numbers = (received: ReadonlyArray<Received>) => received.map(({ index }) => index)
const missing = (received: ReadonlyArray<Received>, sent: number) => sent - new Set(numbers(received)).size
const repeated = (received: ReadonlyArray<Received>) => received.length - new Set(numbers(received)).size
/** Counts the datagrams that arrived after a later one. */
const overtaken = (received: ReadonlyArray<Received>) => {
  let latest = -1
  let count = 0
  for (const { index } of received) {
    if (index < latest) count++
    latest = Math.max(latest, index)
  }
  return count
}
/** Counts the payloads with another bit than they had; the number is not told apart from the pattern. */
const changed = (received: ReadonlyArray<Received>) => {
  let count = 0
  for (const [at, { bytes }] of received.entries())
    if (!payload(at).every((byte, index) => byte === bytes[index])) count++
  return count
}
const shortened = (received: ReadonlyArray<Received>) =>
  received.filter(({ bytes }) => bytes.length < payloadBytes).length

/** Counts the segments of which the first bytes arrived alone. */
const divided = (received: ReadonlyArray<Received>) =>
  received.filter(({ bytes }) => bytes.length > 0 && bytes.length < payloadBytes).length
/** Counts the segments in place of which the connection ended. */
const ended = (received: ReadonlyArray<Received>) => received.filter(({ bytes }) => bytes.length === 0).length
/** Counts the segments that took the time of the fault. */
const late = (received: ReadonlyArray<Received>) => received.filter(({ millis = 0 }) => millis >= 19.9).length

/** The faults, their rates, and how they are seen. */
export const rows: ReadonlyArray<Row> = [
  { plan: "drop=5%", transport: "udp", share: 0.05, count: missing },
  { plan: "drop=5% burst=8", transport: "udp", share: 0.05, burst: 8, count: missing },
  { plan: "dup=5%", transport: "udp", share: 0.05, count: repeated },
  { plan: "reorder=5%", transport: "udp", share: 0.05, count: overtaken },
  { plan: "reorder=50%", transport: "udp", share: 0.5, count: overtaken },
  { plan: "corrupt=5%", transport: "udp", share: 0.05, count: changed },
  { plan: "truncate=5%", transport: "udp", share: 0.05, count: shortened },
  { plan: "delay=5% 3ms udp", transport: "udp", share: 0.05, count: overtaken },
  { plan: "delay=5% 20ms tcp", transport: "tcp", share: 0.05, isTimed: true, count: late },
  { plan: "stall=5% 20ms", transport: "tcp", share: 0.05, isTimed: true, count: late },
  { plan: "chunk=5%:8", transport: "tcp", share: 0.05, count: divided },
  { plan: "reset=5%", transport: "tcp", share: 0.05, count: ended },
  { plan: "cut=5%", transport: "tcp", share: 0.05, count: ended }
]

/** Sends numbered datagrams through the proxy, a few in each turn, and waits until all have arrived or are lost. */
const sendDatagrams = Effect.fnUntraced(function* (
  { plan }: Row,
  impairment: Impairment.Impairment,
  count: number,
  received: Array<Received>
) {
  const network = yield* Network.Network
  const receiveBuffer = ImpairProxy.receiveBufferBytes
  const server = yield* network.udp({ receiveBuffer }, (bytes) => {
    const index = bytes.length < 4 ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
    received.push({ index, bytes })
  })
  const proxy = yield* ImpairProxy.make(impairment, { listen: { port: 0 }, to: server.local, transports: ["udp"] })
  const client = yield* network.udp({}, () => {})
  const to = { address: "127.0.0.1", port: proxy.address.port }
  const expected = () => {
    const applied = impairment.engine.counts()[0]!
    return count + (plan.startsWith("drop") ? -applied : plan.startsWith("dup") ? applied : 0)
  }
  for (let index = 0; index < count; index++) {
    client.sendUnsafe(payload(index), to)
    if (index % 4 === 3) yield* Effect.sleep("1 millis")
  }
  const stats = proxy.stats
  while (received.length < expected()) {
    if (((yield* stats).lost.kernel ?? 0) > 0) break
    yield* Effect.sleep("1 millis")
  }
  return (yield* stats).lost.kernel ?? 0
})

/** Sends numbered segments through the proxy, each once the last has arrived, over a new connection if need be. */
const sendSegments = Effect.fnUntraced(function* (
  impairment: Impairment.Impairment,
  count: number,
  received: Array<Received>
) {
  const network = yield* Network.Network
  const clock = yield* Clock.Clock
  const arrivals = yield* Queue.unbounded<Uint8Array>()
  const listener = yield* network.listen({ port: 0 })
  const read = (connection: Network.Connection) =>
    Effect.forever(Effect.flatMap(connection.pull, (bytes) => Queue.offer(arrivals, bytes))).pipe(
      Effect.catch(() => Queue.offer(arrivals, noBytes))
    )
  const serve = Effect.scoped(Effect.flatMap(listener.accept, read))
  yield* Effect.forkScoped(Effect.ignore(Effect.forever(serve)))
  const to = listener.address as NetAddress.InetAddress
  const proxy = yield* ImpairProxy.make(impairment, { listen: { port: 0 }, to, transports: ["tcp"] })
  /** Sends over one connection until it ends, or all are sent. */
  const send = Effect.fnUntraced(function* () {
    const connection = yield* network.connect(proxy.address)
    while (received.length < count) {
      const index = received.length
      const start = clock.monotonicTimeNanosUnsafe()
      yield* connection.write(payload(index))
      const bytes = yield* Queue.take(arrivals)
      const millis = Number(clock.monotonicTimeNanosUnsafe() - start) / 1e6
      received.push({ index, bytes, millis })
      if (bytes.length === 0) return
      for (let length = bytes.length; length < payloadBytes; ) length += (yield* Queue.take(arrivals)).length
    }
    yield* connection.end
    yield* Queue.take(arrivals)
  }, Effect.scoped)
  while (received.length < count) yield* send()
  return 0
})

/** Measures a row: the packets that show the fault, and how far their number is from the rate of the plan. */
export const measure = Effect.fnUntraced(function* (row: Row, count: number, seed: number) {
  const impairment = Result.getOrThrow(Impairment.make(FaultPlanSyntax.parseUnsafe(row.plan), { seed }))
  const received: Array<Received> = []
  const kernelDrops = yield* row.transport === "udp"
    ? sendDatagrams(row, impairment, count, received)
    : sendSegments(impairment, count, received)
  const { burst = 1, share } = row
  const expected = count * share
  // Bursts of mean length b make a Markov chain, whose states have the correlation 1 - 1/b - share/(b (1 - share)).
  const correlation = burst === 1 ? 0 : 1 - 1 / burst - share / (burst * (1 - share))
  const deviation = Math.sqrt((count * share * (1 - share) * (1 + correlation)) / (1 - correlation))
  const counted = row.count(received, count)
  const measured: Measured = {
    ...{ sent: count, counted, expected, kernelDrops },
    applied: impairment.engine.counts()[0]!,
    deviations: (counted - expected) / deviation
  }
  return measured
}, Effect.scoped)
