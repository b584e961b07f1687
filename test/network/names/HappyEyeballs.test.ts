import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import { Network } from "../../../src/network/Network.ts"
import * as HappyEyeballs from "../../../src/network/names/HappyEyeballs.ts"
import * as ServiceNames from "../../../src/network/names/ServiceNames.ts"
import * as TcpClient from "../../../src/network/TcpClient.ts"
import * as Simulated from "../../support/Simulated.ts"

/** Runs the machine with attempts that end after a time; returns the start of each and the end of the race. */
const simulate = (attempts: ReadonlyArray<{ readonly after: number; readonly connects: boolean }>, delay: number) => {
  const rules = { addressCount: attempts.length, attemptDelayMillis: delay }
  const ends: Array<{ readonly at: number; readonly attempt: number }> = []
  const starts: Array<number> = []
  let state = HappyEyeballs.initial
  let now = 0
  let event: HappyEyeballs.Event = { _tag: "Due" }
  while (true) {
    const [next, actions] = HappyEyeballs.step(state, event, rules, now)
    state = next
    for (const action of actions) {
      if (action._tag !== "Start") return { starts, end: action, at: now }
      starts.push(now)
      ends.push({ at: now + attempts[action.attempt]!.after, attempt: action.attempt })
    }
    ends.sort((one, other) => one.at - other.at || one.attempt - other.attempt)
    const first = ends[0]
    if (first === undefined || state.dueMillis < first.at) {
      now = state.dueMillis
      event = { _tag: "Due" }
    } else {
      ends.shift()
      now = first.at
      event = { _tag: attempts[first.attempt]!.connects ? "Connected" : "Failed", attempt: first.attempt }
    }
  }
}

const attempt = Arbitrary.all({
  after: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 900 }))),
  connects: Arbitrary.schema(Schema.Boolean)
})

describe("HappyEyeballs", () => {
  it.prop(
    "starts each attempt after the delay or the failure of the one before, and the first connection wins",
    [Arbitrary.array(attempt, { minLength: 1, maxLength: 7 }), Schema.Literals([10, 100, 250])],
    ([attempts, delay]) => {
      const { at, end, starts } = simulate(attempts, delay)
      for (const [i, { after, connects }] of attempts.entries()) {
        if (starts[i + 1] === undefined) break
        assert.strictEqual(starts[i + 1]! - starts[i]!, connects ? delay : Math.min(delay, after))
      }
      const connected = attempts.flatMap(({ after, connects }, i) =>
        connects && starts[i] !== undefined ? [starts[i] + after] : []
      )
      assert.deepStrictEqual(end._tag, connected.length === 0 ? "GiveUp" : "Win")
      if (end._tag === "Win") assert.strictEqual(at, Math.min(...connected))
      else assert.strictEqual(starts.length, attempts.length)
    }
  )

  it("step starts nothing early, and nothing after a connection", () => {
    const rules = { addressCount: 3, attemptDelayMillis: 250 }
    const [started] = HappyEyeballs.step(HappyEyeballs.initial, { _tag: "Due" }, rules, 0)
    assert.deepStrictEqual(HappyEyeballs.step(started, { _tag: "Due" }, rules, 249), [started, []])
    const [won] = HappyEyeballs.step(started, { _tag: "Connected", attempt: 0 }, rules, 10)
    assert.strictEqual(won.dueMillis, Number.POSITIVE_INFINITY)
  })

  it.effect("connects on a simulated network 250 ms after an address that does not answer", () =>
    Simulated.run(({ host }) =>
      Effect.gen(function* () {
        const [near, dead, alive] = [yield* host("near"), yield* host("dead"), yield* host("alive")]
        const listen = Effect.flatMap(Network, (network) => network.listen({ host: "0.0.0.0", port: 7 }))
        yield* alive.start(listen)
        yield* dead.crash
        const addresses = [dead, alive].map(({ address }) => NetAddress.inetAddressFromIpStringUnsafe(address, 7)) as [
          NetAddress.InetAddress,
          NetAddress.InetAddress
        ]
        const before = yield* Simulated.millis
        const connecting = Effect.map(TcpClient.connectAny(addresses), ({ remote }) => String(remote))
        const [remote, after] = yield* near.run(Effect.scoped(Effect.all([connecting, Simulated.millis])))
        assert.strictEqual(remote, `${alive.address}:7`)
        assert.approximately(after - before, 250, 20)
        const alone = yield* near.run(
          Effect.exit(Effect.scoped(TcpClient.connectAny([addresses[0]], { timeout: "5 seconds" })))
        )
        assert.isTrue(Exit.isFailure(alone))
      })
    ).pipe(Effect.provide(ServiceNames.layerBuiltIn))
  )
})
