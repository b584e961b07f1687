/** The plan of an impairment changes while its network is in use. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Network from "../../../src/network/Network.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../../src/simulation/impairment/Impairment.ts"
import { pseudoRandomBytes, read, readAll, turns, until } from "../../support/Hosts.ts"
import { bytesOf, run } from "./Impaired.ts"

const { parseUnsafe } = FaultPlanSyntax

/** Wraps the network by a plan that can change; the other program is not impaired. */
const changeable = Effect.fnUntraced(function* (plan: string) {
  const plain = yield* Network.Network
  const impairment = Result.getOrThrow(Impairment.make(parseUnsafe(plan), { changeable: true }))
  const network = yield* Impairment.wrap(plain, impairment)
  return { plain, network, impairment, replace: (next: string) => impairment.replace(parseUnsafe(next)) }
})

const datagrams = Effect.fnUntraced(function* (plan: string) {
  const all = yield* changeable(plan)
  const received: Array<string> = []
  const inbox = yield* all.plain.udp({}, (bytes) => received.push(Buffer.from(bytes).toString()))
  const outbox = yield* all.network.udp({}, () => {})
  const to = { address: "127.0.0.1", port: inbox.local.port }
  return { ...all, received, send: (text: string) => outbox.send(bytesOf(text), to) }
})

const stream = Effect.fnUntraced(function* (plan: string) {
  const all = yield* changeable(plan)
  const listener = yield* all.plain.listen({ port: 0 })
  const near = yield* all.network.connect(listener.address)
  return { ...all, near, far: yield* listener.accept }
})

describe("Impairment.replace and heal", () => {
  it.live("a new plan counts from its first packet", () =>
    run(
      Effect.gen(function* () {
        const { impairment, received, replace, send } = yield* datagrams("")
        yield* send("one")
        yield* until(() => received.length === 1)
        replace("drop=#1")
        yield* send("two")
        yield* send("three")
        yield* until(() => received.length === 2)
        assert.deepStrictEqual(received, ["one", "three"])
        assert.strictEqual(impairment.summary(), "drop=#1 once")
        replace("dup=#1")
        yield* send("four")
        yield* until(() => received.length === 4)
        assert.strictEqual(impairment.summary(), "dup=#1 once")
      })
    )
  )

  it.live("the time of a new plan begins with it", () =>
    run(
      Effect.gen(function* () {
        const { received, replace, send } = yield* datagrams("drop@1h..")
        replace("drop@..1h")
        yield* send("lost")
        replace("drop@1h..")
        yield* send("in time")
        yield* until(() => received.length === 1)
        assert.deepStrictEqual(received, ["in time"])
      })
    )
  )

  it.live("an invalid plan leaves the old one", () =>
    run(
      Effect.gen(function* () {
        const { impairment, replace } = yield* datagrams("drop=#1")
        assert.isTrue(Result.isFailure(replace("crash=a@2s")))
        assert.strictEqual(FaultPlanSyntax.format(impairment.plan), "drop=#1")
      })
    )
  )

  it.live("heal delivers all packets from then on", () =>
    run(
      Effect.gen(function* () {
        const { impairment, received, send } = yield* datagrams("drop")
        yield* send("lost")
        impairment.heal()
        yield* send("healed")
        yield* until(() => received.length === 1)
        assert.deepStrictEqual(received, ["healed"])
        assert.isTrue(impairment.isHealed)
      })
    )
  )

  it.live.each([
    ["stall", "heal"],
    ["partition=*|*", "heal"],
    ["delay=#3.. 1h", "replace"]
  ] as const)("data that wait because of %s arrive after %s, in their order", ([plan, change]) =>
    run(
      Effect.gen(function* () {
        const { far, impairment, near } = yield* stream("")
        impairment.replace(parseUnsafe(plan))
        const all = pseudoRandomBytes(50_000)
        for (let at = 0; at < all.length; at += 10_000) yield* near.write(all.slice(at, at + 10_000))
        yield* near.end
        yield* far.write("answer")
        const reading = yield* Effect.forkChild(readAll(far))
        const answer = yield* Effect.forkChild(read(near, 6))
        yield* turns(20)
        assert.isUndefined(reading.pollUnsafe())
        if (change === "heal") impairment.heal()
        else impairment.replace([])
        yield* until(() => reading.pollUnsafe() !== undefined && answer.pollUnsafe() !== undefined)
        assert.isTrue((yield* Fiber.join(reading)).equals(all))
        assert.strictEqual(`${yield* Fiber.join(answer)}`, "answer")
      })
    )
  )

  it.live("a connect that waits for a partition goes on after heal", () =>
    run(
      Effect.gen(function* () {
        const { impairment, network, plain } = yield* changeable("partition=*|*")
        const listener = yield* plain.listen({ port: 0 })
        const connecting = yield* Effect.forkChild(network.connect(listener.address))
        yield* turns(20)
        assert.isUndefined(connecting.pollUnsafe())
        impairment.heal()
        yield* until(() => connecting.pollUnsafe() !== undefined)
        assert.strictEqual(connecting.pollUnsafe()?._tag, "Success")
      })
    )
  )
})
