import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../../src/simulation/impairment/Impairment.ts"
import { turns, until } from "../../support/Hosts.ts"
import { bytesOf, datagrams, impaired, run, test } from "./Impaired.ts"

describe("impaired datagrams", () => {
  const letters = ["a", "b", "c", "d"]
  const cases: ReadonlyArray<readonly [plan: string, received: ReadonlyArray<string>]> = [
    ["drop=#2", ["a", "c", "d"]],
    ["dup=#1", ["a", "a", "b", "c", "d"]],
    ["dup=#4:2", ["a", "b", "c", "d", "d", "d"]],
    ["reorder=#2", ["a", "c", "b", "d"]],
    ["reorder=#1:2", ["b", "c", "a", "d"]],
    ["corrupt=#3:6", ["a", "b", "a", "d"]],
    ["truncate=#3:0", ["a", "b", "", "d"]],
    ["delay=#1 200ms", ["b", "c", "d", "a"]],
    ["delay=5ms", ["a", "b", "c", "d"]],
    ["dup=#5", ["a", "b", "c", "d"]],
    ["drop #1, drop #1..2", ["c", "d"]]
  ]
  for (const [plan, expected] of cases) {
    test(plan, (side) =>
      Effect.gen(function* () {
        const { received, send } = yield* datagrams(plan, side)
        yield* send(...letters)
        yield* until(() => received.length >= expected.length)
        yield* turns(5)
        assert.deepStrictEqual(received, expected)
      })
    )
  }

  test("a partition loses datagrams in its direction", (side) =>
    Effect.gen(function* () {
      const { counts, received, outbox, peer, send } = yield* datagrams("partition=127.0.0.1>127.0.0.1@..1h", side)
      yield* send("a")
      outbox.sendUnsafe(bytesOf("b"), peer)
      yield* until(() => counts()[0] === 2)
      assert.deepStrictEqual(received, [])
    }))

  it.live("a window starts at its time after the network was wrapped", () =>
    run(
      Effect.gen(function* () {
        const { received, lost, send } = yield* datagrams("drop@200ms..", "both")
        yield* send("in time")
        yield* until(() => received.length === 1)
        while (lost().length === 0) yield* Effect.andThen(send("again"), turns(1))
        const sofar = received.length
        yield* send("too late")
        yield* turns(5)
        assert.isAtMost(received.length, sofar + 1)
        assert.notInclude(received, "too late")
      })
    )
  )

  test("a held datagram is sent after its time, even if none overtakes it", (side) =>
    Effect.gen(function* () {
      const { received, send } = yield* datagrams("reorder=#1 20ms", side)
      yield* send("alone")
      yield* until(() => received.length === 1)
      assert.deepStrictEqual(received, ["alone"])
    }))

  it.live("the tap reports a lost datagram, and the summary counts it", () =>
    run(
      Effect.gen(function* () {
        const { received, lost, send, summary } = yield* datagrams("drop=#2, dup=#9", "both")
        yield* send("a", "b", "c")
        yield* until(() => received.length === 2)
        assert.deepStrictEqual(
          lost().map(({ bytes, fault }) => `${fault} ${Buffer.from(bytes)}`),
          ["drop b"]
        )
        assert.strictEqual(summary(), "drop=#2 once, dup=#9 never")
      })
    )
  )

  it.live("the same seed loses the same datagrams, and another seed others", () =>
    run(
      Effect.gen(function* () {
        const texts = Array.from({ length: 64 }, (_, index) => `${index}`)
        const lost = Effect.fnUntraced(function* (seed: number) {
          const { received, lost, send } = yield* datagrams("drop=50%", "both", seed)
          yield* send(...texts)
          yield* until(() => received.length + lost().length === texts.length)
          return received
        })
        const first = yield* lost(7)
        assert.deepStrictEqual(yield* lost(7), first)
        assert.notDeepEqual(yield* lost(8), first)
      })
    )
  )

  it.live("the delay queue is bounded: further datagrams are lost and reported", () =>
    run(
      Effect.gen(function* () {
        const { lost, outbox, peer, seen } = yield* datagrams("delay=1h", "sender")
        for (let i = 0; i < 600; i++) outbox.sendUnsafe(new Uint8Array(60_000), peer)
        assert.strictEqual(lost().length, seen.length)
        assert.isAbove(seen.length, 0)
        assert.isBelow(seen.length, 100)
        assert.deepInclude(seen[0], { fault: "delay queue full", lost: true })
      })
    )
  )

  it.live("each copy of a datagram has its own bytes", () =>
    run(
      Effect.gen(function* () {
        const { network, plain } = yield* impaired("dup=#1")
        const received: Array<string> = []
        const inbox = yield* network.udp({}, (bytes) => {
          received.push(Buffer.from(bytes).toString())
          bytes.fill(0)
        })
        const outbox = yield* plain.udp({}, () => {})
        yield* outbox.send(bytesOf("abc"), { address: "127.0.0.1", port: inbox.local.port })
        yield* until(() => received.length === 2)
        assert.deepStrictEqual(received, ["abc", "abc"])
      })
    )
  )

  it.live("a delayed datagram keeps the bytes it was sent with", () =>
    run(
      Effect.gen(function* () {
        const { received, outbox, peer } = yield* datagrams("delay=20ms", "both")
        const bytes = bytesOf("before")
        outbox.sendUnsafe(bytes, peer)
        bytes.set(bytesOf("after!"))
        yield* until(() => received.length === 1)
        assert.deepStrictEqual(received, ["before"])
      })
    )
  )
})

describe("Impairment.layer", () => {
  it.effect.each([
    ["crash=a@2s", "crash=a@2s: only simulated hosts have the fault crash; leave the rule out"],
    ["drop a>b", "unknown host a: this network has no host names; use an IP address, such as 127.0.0.1, or *"]
  ])("rejects the plan %s", ([text, message]) =>
    Effect.gen(function* () {
      const layer = Layer.provide(Impairment.layer(FaultPlanSyntax.parseUnsafe(text!)), NodeNetwork.layer)
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      assert.strictEqual(error.message, message)
    })
  )
})
