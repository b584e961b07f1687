/** The same messages over UDP and over TCP: UDP keeps message boundaries, TCP does not. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Network from "../../../network/Network.ts"
import * as network from "../common/network.ts"

const messages = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"].map((text) =>
  new TextEncoder().encode(text)
)

const totalBytes = messages.reduce((sum, message) => sum + message.length, 0)

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** A message larger than a datagram can hold, and larger than one read from a TCP connection. */
const oversized = new Uint8Array(200_000)

const overUdp = Effect.gen(function* () {
  const network = yield* Network.Network
  const arrived = yield* Queue.unbounded<Uint8Array>()
  const receiver = yield* network.udp({}, (bytes) => Queue.offerUnsafe(arrived, bytes))
  const sender = yield* network.udp({}, () => {})
  const to = { address: "127.0.0.1", port: receiver.local.port }
  for (const message of messages) yield* sender.send(message, to)
  const reads = yield* Effect.forEach(messages, () => Queue.take(arrived))
  return { reads, large: yield* Effect.flip(sender.send(oversized, to)) }
}).pipe(Effect.scoped)

const overTcp = Effect.gen(function* () {
  const network = yield* Network.Network
  const listener = yield* network.listen({ port: 0 })
  const sender = yield* network.connect(listener.address)
  const receiver = yield* listener.accept
  const readAll = Effect.fnUntraced(function* (length: number) {
    const reads: Array<Uint8Array> = []
    for (let left = length; left > 0; left -= reads.at(-1)!.length) reads.push(yield* receiver.pull)
    return reads
  })
  for (const message of messages) yield* sender.write(message)
  const reads = yield* readAll(totalBytes)
  yield* Effect.forkScoped(sender.write(oversized))
  return { reads, large: yield* readAll(oversized.length) }
}).pipe(Effect.scoped)

const sizes = (reads: ReadonlyArray<Uint8Array>) => reads.map((bytes) => bytes.length)

const formatReads = (transport: string, reads: ReadonlyArray<Uint8Array>, large: string) => `\
${transport}  ${messages.length} writes arrived as ${reads.length === 1 ? "one read" : `${reads.length} reads`} of ${sizes(reads).join(" ")} bytes
     ${reads.map((bytes) => JSON.stringify(decode(bytes))).join(" ")}
     one write of ${large}`

/** Runs `demo boundaries`. */
export const boundaries = Effect.fnUntraced(function* ({ json }: { readonly json: boolean }) {
  const udp = yield* overUdp
  const tcp = yield* overTcp
  if (json) {
    return yield* Console.log(
      JSON.stringify({
        sent: sizes(messages),
        udp: { reads: sizes(udp.reads), large: udp.large.reason },
        tcp: { reads: sizes(tcp.reads), large: sizes(tcp.large) }
      })
    )
  }
  yield* Console.log(`${messages.length} messages over 127.0.0.1, written before the first is read\n`)
  yield* Console.log(formatReads("UDP", udp.reads, `${oversized.length} bytes failed: ${udp.large.message}`))
  yield* Console.log(
    formatReads("TCP", tcp.reads, `${oversized.length} bytes arrived as reads of ${sizes(tcp.large).join(" ")}`)
  )
  yield* Console.log(
    "\nUDP delivers each message by itself, or not at all. TCP is a stream of bytes: a read can end anywhere,"
  )
  yield* Console.log("so a protocol over TCP must mark its messages, by their length or by a line end.")
}, Effect.provide(network.layer))
