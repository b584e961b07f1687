import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import { type Connection, Network, type TcpListenOptions } from "../../../src/network/Network.ts"
import type { LinkOptions } from "../../../src/simulation/network/LinkDirection.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"
import { readAll } from "../../support/Hosts.ts"
import { millis, pair, run } from "../../support/Simulated.ts"

/** Runs a scenario with a connection of `a` to `b`, whose end `serve` gets. */
const connected = <A>(
  plan: string,
  serve: (far: Connection) => Effect.Effect<unknown, unknown>,
  scenario: (near: Connection, simulation: Simulation.Simulation) => Effect.Effect<A, unknown, Scope.Scope>,
  options: Partial<TcpListenOptions> = {}
) =>
  run(
    (simulation) =>
      Effect.gen(function* () {
        const { a, b } = yield* pair(simulation)
        yield* b.start(
          Effect.gen(function* () {
            const listener = yield* (yield* Network).listen({ host: b.address, port: 80, ...options })
            yield* Effect.ignore(serve(yield* listener.accept))
            return yield* Effect.never
          })
        )
        const network = yield* Effect.provide(Network, a.layer)
        const near = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe(b.address, 80))
        return yield* scenario(near, simulation)
      }).pipe(Effect.scoped),
    plan,
    { deadline: "3 hours" }
  )

/** Returns the reason for which reads fail, and the virtual time in tenths of a second. */
const failure = ({ pull }: Connection) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(pull)
    return ["reason" in error ? error.reason : "Done", Math.round((yield* millis) / 100) / 10] as const
  })

const never = () => Effect.never

describe("a simulated TCP connection", () => {
  /** Does something two seconds after the start, and waits until reads fail. */
  const failureAfter = (plan: string, act: (near: Connection) => Effect.Effect<unknown, unknown>) =>
    connected(plan, never, (near) => Effect.andThen(Effect.delay(act(near), "2 seconds"), failure(near)))

  it.effect("whose peer has crashed and restarted is reset when data or FIN reach it", () =>
    Effect.gen(function* () {
      // Sent at 2 s, and retransmitted 0.2, 0.6, 1.4, 3 and 6.2 s after that.
      const plan = "crash=b@1s..5.5s"
      assert.deepStrictEqual(yield* failureAfter(plan, (near) => near.write("lost")), ["Reset", 8.2])
      assert.deepStrictEqual(yield* failureAfter(plan, (near) => near.end), ["Reset", 8.2])
    })
  )

  it.effect("whose peer does not come back times out after a quarter of an hour", () =>
    Effect.gen(function* () {
      for (const plan of ["crash=b@1s", "partition=a|b@1s.."])
        assert.deepStrictEqual(yield* failureAfter(plan, (near) => near.write("lost")), ["TimedOut", 926.6])
    })
  )

  it.effect("without data notices nothing of a crash", () =>
    Effect.gen(function* () {
      const result = yield* connected("crash=b@1s", never, (near) =>
        Effect.timeoutOrElse(failure(near), { duration: "1 hour", orElse: () => Effect.succeed("waits") })
      )
      assert.strictEqual(result, "waits")
    })
  )

  it.effect("goes on after an endless partition is healed", () =>
    Effect.gen(function* () {
      const texts: Array<string> = []
      yield* connected(
        "partition=a|b@1s..",
        (far) => Effect.map(readAll(far), (bytes) => texts.push(bytes.toString())),
        Effect.fnUntraced(function* (near, simulation) {
          yield* Effect.sleep("2 seconds")
          yield* near.write("first ")
          yield* Effect.sleep("10 seconds")
          yield* simulation.heal
          yield* near.write("second")
          yield* near.end
          assert.deepStrictEqual(texts, [])
          yield* Effect.sleep("20 seconds")
        })
      )
      assert.deepStrictEqual(texts, ["first second"])
    })
  )

  it.effect.each([
    ["crash=a@2s", [["TimedOut", 15]]],
    ["partition=a|b@2s..60s", [["TimedOut", 15]]],
    ["crash=a@2s..8.5s", [["Reset", 9]]],
    ["", []]
  ] as const)("that is accepted with keep-alive probes an idle peer ten times: %s", ([plan, expected]) =>
    Effect.gen(function* () {
      const seen: Array<readonly [string, number]> = []
      yield* connected(
        plan,
        (far) => Effect.map(failure(far), (one) => seen.push(one)),
        () =>
          Effect.andThen(
            Effect.sleep("40 seconds"),
            Effect.sync(() => assert.deepStrictEqual(seen, [...expected]))
          ),
        { keepAlive: "5 seconds" }
      )
    })
  )

  /** Sends megabytes to a peer that reads at once; returns the megabytes per second of virtual time. */
  const throughput = (plan: string, megabytes: number, link: LinkOptions = {}) => {
    const bytes = megabytes * 1e6
    let received = 0
    return connected(
      plan,
      ({ pull }) => Effect.forever(Effect.map(pull, ({ length }) => (received += length))),
      Effect.fnUntraced(function* (near, simulation) {
        yield* simulation.link("a", "b", link)
        const before = yield* millis
        for (let sent = 0; sent < bytes; sent += 62_500) yield* near.write(new Uint8Array(62_500))
        while (received < bytes) yield* Effect.sleep("10 millis")
        return megabytes / (((yield* millis) - before) / 1_000)
      })
    )
  }

  it.effect.each(["delay=100ms", "delay=50ms..150ms"])("moves more than ten megabytes a second under %s", (plan) =>
    Effect.map(throughput(plan, 64), (rate) => assert.isAbove(rate, 10))
  )

  it.effect.each([
    ["bandwidth=1MB/s, delay=100ms", 0.9, 1],
    ["bandwidth=10MB/s, delay=100ms", 7, 10]
  ] as const)("fills the bandwidth under %s", ([plan, least, most]) =>
    Effect.gen(function* () {
      const rate = yield* throughput(plan, 20)
      assert.isAbove(rate, least)
      assert.isAtMost(rate, most)
    })
  )

  it.effect.each([
    [{ latency: "100 millis", bandwidth: 1e5, queue: 1e4 }, 0.1],
    [{ latency: "1 millis", bandwidth: 1e6, queue: 0 }, 1],
    [{ latency: "1 millis", bandwidth: 1e6 }, 1]
  ] as const)("fills the bandwidth of a link whose queue is full, and no more: %o", ([link, most]) =>
    Effect.gen(function* () {
      const rate = yield* throughput("", 10, link)
      assert.isAbove(rate, 0.9 * most)
      assert.isAtMost(rate, most)
    })
  )

  it.effect("to a program that does not read sends no more than the first window", () =>
    Effect.gen(function* () {
      const traffic = yield* connected("", never, (near) =>
        Effect.gen(function* () {
          yield* Effect.forkScoped(Effect.ignore(near.write(new Uint8Array(10_000_000))))
          yield* Effect.sleep("10 seconds")
          return near.traffic()
        })
      )
      assert.deepStrictEqual(traffic, { received: 0, sent: 65_536, unsent: 10_000_000 - 65_536 })
    })
  )
})
