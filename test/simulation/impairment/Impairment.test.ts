import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../../src/simulation/impairment/Impairment.ts"
import { turns, until } from "../../support/Hosts.ts"
import { bytesOf, datagrams, impaired, run, test } from "./Impaired.ts"

describe("datagrams", () => {
  const letters = ["a", "b", "c", "d"]
  const cases: ReadonlyArray<readonly [plan: string, heard: ReadonlyArray<string>]> = [
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
        const { heard, send } = yield* datagrams(plan, side)
        yield* send(...letters)
        yield* until(() => heard.length >= expected.length)
        yield* turns(5)
        assert.deepStrictEqual(heard, expected)
      })
    )
  }

  test("a partition loses what is sent while it lasts, one way", (side) =>
    Effect.gen(function* () {
      const { counts, heard, outbox, peer, send } = yield* datagrams("partition=127.0.0.1>127.0.0.1@..1h", side)
      yield* send("a")
      outbox.sendUnsafe(bytesOf("b"), peer)
      yield* until(() => counts()[0] === 2)
      assert.deepStrictEqual(heard, [])
    }))

  it.live("a window opens at its time, counted from when the network was wrapped", () =>
    run(
      Effect.gen(function* () {
        const { heard, lost, send } = yield* datagrams("drop@200ms..", "both")
        yield* send("in time")
        yield* until(() => heard.length === 1)
        while (lost().length === 0) yield* Effect.andThen(send("again"), turns(1))
        const sofar = heard.length
        yield* send("too late")
        yield* turns(5)
        assert.isAtMost(heard.length, sofar + 1)
        assert.notInclude(heard, "too late")
      })
    )
  )

  test("a held datagram goes at last, even if nothing overtakes it", (side) =>
    Effect.gen(function* () {
      const { heard, send } = yield* datagrams("reorder=#1 20ms", side)
      yield* send("alone")
      yield* until(() => heard.length === 1)
      assert.deepStrictEqual(heard, ["alone"])
    }))

  it.live("the tap is told what is lost, and the summary how often", () =>
    run(
      Effect.gen(function* () {
        const { heard, lost, send, summary } = yield* datagrams("drop=#2, dup=#9", "both")
        yield* send("a", "b", "c")
        yield* until(() => heard.length === 2)
        assert.deepStrictEqual(
          lost().map(({ bytes, fault }) => `${fault} ${Buffer.from(bytes)}`),
          ["drop b"]
        )
        assert.strictEqual(summary(), "drop=#2 once, dup=#9 never")
      })
    )
  )

  it.live("the same seed loses the same, another seed others", () =>
    run(
      Effect.gen(function* () {
        const texts = Array.from({ length: 64 }, (_, index) => `${index}`)
        const lost = Effect.fnUntraced(function* (seed: number) {
          const { heard, lost, send } = yield* datagrams("drop=50%", "both", seed)
          yield* send(...texts)
          yield* until(() => heard.length + lost().length === texts.length)
          return heard
        })
        const first = yield* lost(7)
        assert.deepStrictEqual(yield* lost(7), first)
        assert.notDeepEqual(yield* lost(8), first)
      })
    )
  )

  it.live("what waits is bounded: more is lost, and told", () =>
    run(
      Effect.gen(function* () {
        const { lost, outbox, peer, seen } = yield* datagrams("delay=1h", "sender")
        for (let i = 0; i < 600; i++) outbox.sendUnsafe(new Uint8Array(60_000), peer)
        assert.strictEqual(lost().length, seen.length)
        assert.isAbove(seen.length, 0)
        assert.isBelow(seen.length, 100)
        assert.deepInclude(seen[0], { fault: "too many wait", lost: true })
      })
    )
  )

  it.live("each copy of a datagram is its receiver's to change", () =>
    run(
      Effect.gen(function* () {
        const { network, plain } = yield* impaired("dup=#1")
        const heard: Array<string> = []
        const inbox = yield* network.udp({}, (bytes) => {
          heard.push(Buffer.from(bytes).toString())
          bytes.fill(0)
        })
        const outbox = yield* plain.udp({}, () => {})
        yield* outbox.send(bytesOf("abc"), { address: "127.0.0.1", port: inbox.local.port })
        yield* until(() => heard.length === 2)
        assert.deepStrictEqual(heard, ["abc", "abc"])
      })
    )
  )

  it.live("what is delayed may be changed by its sender, and ends with its socket", () =>
    run(
      Effect.gen(function* () {
        const { heard, outbox, peer } = yield* datagrams("delay=20ms", "both")
        const bytes = bytesOf("before")
        outbox.sendUnsafe(bytes, peer)
        bytes.set(bytesOf("after!"))
        yield* until(() => heard.length === 1)
        assert.deepStrictEqual(heard, ["before"])
      })
    )
  )
})

describe("plans that cannot be carried out here", () => {
  it.effect.each([
    ["crash=a@2s", "crash=a@2s: only a simulated host can crash; leave the rule out"],
    ["drop a>b", "there is no host a here: name hosts by IP address, such as 127.0.0.1, or *"]
  ])("%s", ([text, message]) =>
    Effect.gen(function* () {
      const layer = Layer.provide(Impairment.layer(FaultPlanSyntax.parseUnsafe(text!)), NodeNetwork.layer)
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      assert.strictEqual(error.message, message)
    })
  )
})
