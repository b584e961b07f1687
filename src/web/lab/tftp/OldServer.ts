/** A TFTP server as of RFC 783, for one file: no options, blocks of 512 bytes, one transfer for each request. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Endpoint from "../../../network/Endpoint.ts"
import * as Network from "../../../network/Network.ts"
import * as Packet from "../../../tftp/protocol/Packet.ts"
import * as Scenario from "../Scenario.ts"
import * as TimedQueue from "../TimedQueue.ts"
import * as OldSender from "./OldSender.ts"

/** Options of a server. */
export interface Options {
  readonly host: string
  readonly port: number
  readonly file: Uint8Array
  /** Time without an ACK after which the latest block is sent again. */
  readonly timeoutMillis: number
}

/** Bytes of a block (RFC 783). */
const blockBytes = 512

/** Requests that may wait. */
const maxRequests = 16

/** Sends the file to a client, from a port of its own: the transfer ID. */
const transfer = Effect.fnUntraced(function* (client: Endpoint.Endpoint, { file, host, timeoutMillis }: Options) {
  const acks = yield* TimedQueue.make<number>()
  const socket = yield* (yield* Network.Network).udp({ host }, (bytes, from) => {
    const packet = Result.getOrUndefined(Packet.decode(bytes))
    if (packet?._tag === "ACK" && Endpoint.equals(from, client)) acks.offer(packet.block)
  })
  let state = OldSender.start(Math.floor(file.length / blockBytes) + 1)
  let deadlineMillis = 0
  const send = Effect.fnUntraced(function* (block: number) {
    deadlineMillis = (yield* Scenario.now) + timeoutMillis
    const bytes = file.subarray((block - 1) * blockBytes, block * blockBytes)
    yield* socket.send(Packet.encode({ _tag: "DATA", block, bytes }), client)
  })
  yield* send(1)
  while (state.phase === "Sending") {
    const ack = yield* acks.nextBefore(deadlineMillis)
    const [next, block] = OldSender.step(state, ack === undefined ? { _tag: "Timeout" } : { _tag: "Ack", block: ack })
    state = next
    if (block !== undefined) yield* send(block)
  }
})

/** Serves the file under any name until the scope closes. */
export const serve = Effect.fnUntraced(function* (options: Options) {
  const requests = yield* Queue.dropping<Endpoint.Endpoint>(maxRequests)
  const { host, port } = options
  yield* (yield* Network.Network).udp({ host, port }, (bytes, from) => {
    if (Result.getOrUndefined(Packet.decode(bytes))?._tag === "RRQ") Queue.offerUnsafe(requests, from)
  })
  const serveNext = Effect.flatMap(Queue.take(requests), (client) =>
    Effect.forkScoped(Effect.ignore(Effect.scoped(transfer(client, options))))
  )
  yield* Effect.forkScoped(Effect.forever(serveNext))
})
