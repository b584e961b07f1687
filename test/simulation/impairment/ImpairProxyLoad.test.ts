/** The proxy under load loses only what its plan says, and the same in every run. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Network from "../../../src/network/Network.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../../src/simulation/impairment/Impairment.ts"
import * as ImpairProxy from "../../../src/simulation/impairment/ImpairProxy.ts"
import { turns, until } from "../../support/Hosts.ts"
import { run } from "./Impaired.ts"

const receiveBufferBytes = 8 << 20

/** A text that is the number of a datagram. */
const numbered = (index: number) => {
  const bytes = new Uint8Array(20)
  new DataView(bytes.buffer).setUint32(0, index)
  return bytes
}
const numberOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)

/** Opens a server that returns each datagram, or none, and a proxy to it; both record what they received. */
const proxied = Effect.fnUntraced(function* (plan: string, seed: number, echoes = true) {
  const network = yield* Network.Network
  const requests: Array<number> = []
  const replies: Array<number> = []
  const server: Network.UdpSocket = yield* network.udp({ receiveBuffer: receiveBufferBytes }, (bytes, from) => {
    requests.push(numberOf(bytes))
    if (echoes) server.sendUnsafe(bytes, from)
  })
  const impairment = Result.getOrThrow(Impairment.make(FaultPlanSyntax.parseUnsafe(plan), { seed }))
  const proxy = yield* ImpairProxy.make(impairment, { listen: { port: 0 }, to: server.local, transports: ["udp"] })
  const client = yield* network.udp({ receiveBuffer: receiveBufferBytes }, (bytes) => replies.push(numberOf(bytes)))
  const to = { address: "127.0.0.1", port: proxy.address.port }
  return {
    ...{ requests, replies, impairment, proxy },
    send: (bytes: Uint8Array) => client.sendUnsafe(bytes, to),
    stats: () => Effect.runSync(proxy.stats)
  }
})

describe("ImpairProxy under load", () => {
  it.live("passes a burst of a new client whole", () =>
    run(
      Effect.gen(function* () {
        const { replies, requests, send, stats } = yield* proxied("", 0)
        const count = 2_000
        for (let index = 0; index < count; index++) send(numbered(index))
        yield* until(() => replies.length === count)
        assert.lengthOf(requests, count)
        assert.deepStrictEqual(stats().lost, { kernel: 0, queue: 0 })
      })
    )
  )

  it.live("tells the drops of the kernel apart from the faults of the plan", () =>
    run(
      Effect.gen(function* () {
        const { impairment, proxy, send, stats } = yield* proxied("drop=10%", 1, false)
        // More than any receive buffer holds, and the proxy cannot read meanwhile.
        const count = 30_000
        const bytes = new Uint8Array(1_000)
        for (let index = 0; index < count; index++) send(bytes)
        const total = () => stats().toServer.datagrams + impairment.engine.counts()[0]! + stats().lost.kernel!
        yield* turns(2_000)
        yield* until(() => total() >= count)
        assert.strictEqual(total(), count)
        assert.isAbove(stats().lost.kernel!, 0)
        assert.isAbove(impairment.engine.counts()[0]!, 0)
        assert.isDefined(proxy.receiveBufferBytes)
      })
    )
  )

  it.live("loses the same requests and the same replies in two runs of a seed at 4,000 datagrams a second", () =>
    run(
      Effect.gen(function* () {
        const count = 2_000
        const perMilli = 4
        const lost = Effect.fnUntraced(function* (seed: number) {
          const { impairment, replies, requests, send, stats } = yield* proxied("drop=5%", seed)
          for (let index = 0; index < count; index++) {
            send(numbered(index))
            if (index % perMilli === perMilli - 1) yield* Effect.sleep("1 millis")
          }
          const drops = () => impairment.engine.counts()[0]!
          yield* until(() => replies.length + drops() === count)
          assert.deepStrictEqual(stats().lost, { kernel: 0, queue: 0 })
          return { requests, replies }
        }, Effect.scoped)
        const first = yield* lost(7)
        assert.deepStrictEqual(yield* lost(7), first)
        const other = yield* lost(8)
        assert.notDeepEqual(other, first)
        // 5 % of the requests and of the replies, within five standard deviations.
        for (const { replies, requests } of [first, other]) {
          assert.closeTo(count - requests.length, count * 0.05, 5 * Math.sqrt(count * 0.05 * 0.95))
          assert.closeTo(requests.length - replies.length, count * 0.05, 5 * Math.sqrt(count * 0.05 * 0.95))
        }
      })
    )
  )
})
