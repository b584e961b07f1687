import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Network from "../../../src/network/Network.ts"
import { listen, pair, run, send, text } from "../../support/Simulated.ts"

describe("links", () => {
  it.effect("apply latency, bandwidth and queue exactly", () =>
    Effect.gen(function* () {
      const times = yield* run(
        Effect.fnUntraced(function* (simulation) {
          const { a, b } = yield* pair(simulation)
          yield* simulation.link("a", "b", { latency: "10 millis", bandwidth: 1_000, queue: 100 })
          const received = yield* listen(b)
          // 28 bytes of headers and 22 of data take 50 ms; the fourth and fifth find more than 100 bytes queued.
          yield* a.run(send(b, 0, ...["1", "2", "3", "4", "5"].map((n) => n.padEnd(22))))
          yield* Effect.sleep("1 second")
          return received.map(([time, data]) => [time, data.trim()])
        })
      )
      assert.deepStrictEqual(times, [
        [60, "1"],
        [110, "2"],
        [160, "3"]
      ])
    })
  )

  it.effect("draw latency within its bounds, and lose the given part", () =>
    Effect.gen(function* () {
      const numbers = Array.from({ length: 1_000 }, (_, n) => `${n}`)
      const received = yield* run(
        Effect.fnUntraced(function* (simulation) {
          const { a, b } = yield* pair(simulation)
          yield* simulation.link("a", "b", { latency: ["10 millis", "30 millis"], loss: 0.2 })
          const received = yield* listen(b)
          yield* a.run(send(b, 100, ...numbers))
          return received
        })
      )
      const latencies = received.map(([time, n]) => time - 100 * Number(n))
      assert.isTrue(latencies.every((latency) => latency >= 10 && latency <= 30))
      assert.isBelow(Math.min(...latencies), 11)
      assert.isAbove(Math.max(...latencies), 29)
      assert.isTrue(received.length > 740 && received.length < 860, `${received.length} of 1000 at 20% loss`)
    })
  )

  it.effect("drop and count datagrams that exceed the receive buffer", () =>
    Effect.gen(function* () {
      const [dropped, texts] = yield* run(
        Effect.fnUntraced(function* (simulation) {
          const { a, b } = yield* pair(simulation)
          const received: Array<string> = []
          const socket = yield* b.run(
            Effect.flatMap(Network.Network, (network) =>
              Effect.flatMap(
                network.udp({ host: b.address, port: 9, receiveBuffer: 4 }, (data) => received.push(text(data))),
                (socket) => Effect.andThen(a.run(send(b, 0, "ab", "cd", "ef")), Effect.as(Effect.sleep(10), socket))
              ).pipe(Effect.flatMap((socket) => socket.dropped))
            )
          )
          return [socket, received] as const
        })
      )
      assert.strictEqual(dropped, 1)
      assert.deepStrictEqual(texts, ["ab", "cd"])
    })
  )
})

describe("partitions", () => {
  const exchange = (plan: string) =>
    run(
      Effect.fnUntraced(function* (simulation) {
        const { a, b } = yield* pair(simulation)
        const [atA, atB] = [yield* listen(a), yield* listen(b)]
        yield* Effect.all([a.run(send(b, 1_000, "1", "2", "3")), b.run(send(a, 1_000, "1", "2", "3"))], {
          concurrency: "unbounded"
        })
        return [atA.map(([, n]) => n).join(""), atB.map(([, n]) => n).join("")] as const
      }),
      plan
    )

  it.effect.each([
    ["partition=a|b@0.5s..1.5s", "13", "13"],
    ["partition=a>b@0.5s..1.5s", "123", "13"],
    ["partition=b>a@0.5s..", "1", "123"]
  ] as const)("%s blocks its directions in its window", ([plan, toA, toB]) =>
    Effect.map(exchange(plan), (received) => assert.deepStrictEqual(received, [toA, toB]))
  )
})
