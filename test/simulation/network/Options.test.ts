import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { LinkOptions } from "../../../src/simulation/network/LinkDirection.ts"
import type { HostOptions } from "../../../src/simulation/network/SimNetwork.ts"
import * as Simulation from "../../../src/simulation/Simulation.ts"
import { pair } from "../../support/Simulated.ts"

/** Runs a scenario that an option ends; returns the message. */
const refusal = (act: (simulation: Simulation.Simulation) => Effect.Effect<unknown>) =>
  Effect.map(Simulation.run(act), ({ exit }) =>
    Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : assert.fail("the option is accepted")
  )

/** Values of another type, as a program without types may give. */
const untyped = <A>(value: unknown) => value as A

const links: ReadonlyArray<readonly [LinkOptions, string]> = [
  [{ latency: -1 }, "latency of a link -1"],
  [{ latency: Number.NaN }, "latency of a link NaN"],
  [{ latency: untyped("soon") }, 'latency of a link "soon"'],
  [{ latency: "Infinity" }, 'latency of a link "Infinity"'],
  [{ latency: ["2 millis", "1 millis"] }, "latency of a link [2 millis, 1 millis]"],
  [{ bandwidth: 0 }, "bandwidth of a link 0"],
  [{ bandwidth: -5 }, "bandwidth of a link -5"],
  [{ queue: Number.NaN }, "queue of a link NaN"],
  [{ loss: 7 }, "loss of a link 7"],
  [{ loss: untyped("1") }, 'loss of a link "1"'],
  [{ mtu: 0 }, "mtu of a link 0"]
]

const hosts: ReadonlyArray<readonly [string, HostOptions, string]> = [
  ["", {}, 'host name ""'],
  ["a b|c", {}, 'host name "a b|c"'],
  ["a", { clock: { driftPpm: -2e6 } }, "drift of a clock -2000000"],
  ["a", { clock: { driftPpm: Number.NaN } }, "drift of a clock NaN"],
  ["a", { clock: { offset: untyped("soon") } }, 'offset of a clock "soon"'],
  ["a", { disk: { capacity: -5 } }, "capacity of a disk -5"],
  ["a", { disk: { bitRot: 2 } }, "bitRot of a disk 2"],
  ["a", { disk: { writeback: -1 } }, "writeback of a disk -1"],
  ["a", { disk: { latency: { sync: Number.NaN } } }, "latency of a sync of a disk NaN"],
  ["a", { disk: { user: -1 } }, "user of a disk -1"]
]

const assertRefused = (message: string, invalid: string) => {
  assert.isTrue(message.startsWith(`Error: invalid ${invalid}: `), message)
  assert.notMatch(message, /\n/)
}

describe("options of a simulation", () => {
  it.effect.each(links)("refuse %o between two hosts, and for all", ([link, invalid]) =>
    Effect.gen(function* () {
      const message = yield* refusal((simulation) => Effect.andThen(pair(simulation), simulation.link("a", "b", link)))
      assertRefused(message, invalid)
      const exit = yield* Effect.exit(Simulation.run(() => Effect.void, { link }))
      assert.isTrue(Exit.isFailure(exit) && String(Cause.squash(exit.cause)) === message)
    })
  )

  it.effect.each(hosts)("refuse a host %o with %o", ([name, options, invalid]) =>
    Effect.map(
      refusal(({ host }) => host(name, options)),
      (message) => assertRefused(message, invalid)
    )
  )

  it.effect("refuse links of unknown hosts, drifts and jumps, and accept the limits", () =>
    Effect.gen(function* () {
      const link = yield* refusal((simulation) => Effect.andThen(pair(simulation), simulation.link("a", "c", {})))
      assert.strictEqual(link, "Error: unknown host c: the hosts are a, b")
      const drift = yield* refusal(({ host }) => Effect.flatMap(host("a"), ({ setDrift }) => setDrift(1e9)))
      assertRefused(drift, "drift of a clock 1000000000")
      const jump = yield* refusal(({ host }) => Effect.flatMap(host("a"), ({ jumpClock }) => jumpClock(Number.NaN)))
      assertRefused(jump, "jump of a clock NaN")
      const { exit } = yield* Simulation.run((simulation) =>
        Effect.gen(function* () {
          yield* simulation.host("a", { clock: { driftPpm: -999_999, offset: "-1 hour" }, disk: { capacity: 0 } })
          yield* simulation.host("b-1.example_2")
          yield* simulation.link("a", "b-1.example_2", { latency: [0, 0], bandwidth: 1, queue: 0, loss: 1, mtu: 68 })
        })
      )
      assert.isTrue(Exit.isSuccess(exit))
    })
  )
})
