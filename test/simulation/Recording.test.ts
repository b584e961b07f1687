import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Ref from "effect/Ref"
import * as FaultPlanSyntax from "../../src/simulation/faults/FaultPlanSyntax.ts"
import type * as Recording from "../../src/simulation/Recording.ts"
import * as Simulation from "../../src/simulation/Simulation.ts"
import { listen, pair, send, text } from "../support/Simulated.ts"

/** Runs a scenario and returns its report and events. */
const recorded = Effect.fnUntraced(function* <A, E>(
  scenario: (simulation: Simulation.Simulation) => Effect.Effect<A, E>,
  plan = "",
  options: Simulation.Options = {}
) {
  const events: Array<Recording.Event> = []
  const record = (event: Recording.Event) => void events.push(event)
  const report = yield* Simulation.run(scenario, { ...options, record, plan: FaultPlanSyntax.parseUnsafe(plan) })
  return { events, report }
})

const millis = (nanos: number) => nanos / 1e6

const lines = (events: ReadonlyArray<Recording.Event>) =>
  events.map((event) => {
    const at = millis(event.at)
    switch (event._tag) {
      case "Packet":
        return `${at} packet ${text(event.packet.bytes)}`
      case "Log":
        return `${at} ${event.level} ${event.host ?? "scenario"}: ${event.message}`
      case "Host":
        return `${at} ${event.host} ${event.event} ${event.detail}`.trim()
      case "Link":
        return `${at} ${event.event} ${event.detail}`.trim()
      case "Digest":
        return `${at} ${event.host ?? "scenario"} ${event.label} ${text(event.bytes)}`
      case "Reached":
        return `${at} reached ${event.label}`
      case "Disk":
        return `${at} ${event.host} ${event.operation} ${event.path}`
      case "Switch":
        return `${at} switch ${event.point}=${event.choice} ${event.fiber}`
    }
  })

describe("record of a run", () => {
  it.effect("has logs with their hosts, states, digests, links and packets, in order", () =>
    Effect.gen(function* () {
      const { events } = yield* recorded(
        Effect.fnUntraced(function* (simulation) {
          const { a, b } = yield* pair(simulation)
          yield* listen(b)
          yield* Effect.logInfo("begins", { n: 1 })
          yield* a.run(
            Effect.annotateLogs(
              Effect.andThen(Effect.sleep("2 millis"), Effect.logWarning("on a", new Error("no"))),
              "user",
              7
            )
          )
          yield* simulation.sometimes("late", false)
          yield* simulation.sometimes("late")
          yield* simulation.sometimes("late")
          yield* simulation.digest("state", { b: new Map([["x", 1n]]), a: [undefined, new Set([2, 1])] })
          yield* simulation.hold("a", "b")
          yield* a.run(send(b, 1, "0"))
          yield* simulation.release("a", "b")
          yield* simulation.partition(["a"], ["b"])
          yield* a.run(send(b, 1, "1"))
          yield* simulation.repair(["a"], ["b"])
          yield* simulation.heal
        })
      )
      assert.deepStrictEqual(lines(events), [
        "0 a start",
        "0 b start",
        '0 Info scenario: begins {"n":1}',
        "2 Warn a: on a Error: no user=7",
        "2 reached late",
        '2 scenario state {"a":[null,{"set":[2,1]}],"b":{"map":[["x",{"bigint":"1"}]]}}',
        "2 hold a|b",
        "2 packet 0",
        "3 release a|b",
        "3 partition a|b",
        "3 packet 1",
        "4 repair a|b",
        "4 heal"
      ])
    })
  )

  it.effect("has what the plan does to hosts", () =>
    Effect.gen(function* () {
      const { events } = yield* recorded(
        Effect.fnUntraced(function* (simulation) {
          yield* simulation.host("a")
          yield* Effect.sleep("9 seconds")
        }),
        "crash=a@1s..2s, pause=a@3s..4s"
      )
      assert.deepStrictEqual(lines(events), [
        "0 a start",
        "1000 a crash",
        "2000 a restart",
        "3000 a pause",
        "4000 a resume"
      ])
    })
  )

  it.effect("has the jumps and drifts of clocks", () =>
    Effect.gen(function* () {
      const { events } = yield* recorded(
        Effect.fnUntraced(function* ({ host }) {
          const a = yield* host("a")
          yield* a.jumpClock("1 hour")
          yield* a.jumpClock(Duration.millis(-500))
          yield* a.setDrift(200)
        })
      )
      assert.deepStrictEqual(lines(events), ["0 a start", "0 a jump +1h", "0 a jump -500ms", "0 a drift 200ppm"])
    })
  )

  it.effect("has the files of each disk that was used, at the end", () =>
    Effect.gen(function* () {
      const { events } = yield* recorded(
        Effect.fnUntraced(function* (simulation) {
          const { a } = yield* pair(simulation)
          yield* a.run(Effect.flatMap(FileSystem.FileSystem, (files) => files.writeFileString("/tmp/x", "text")))
        })
      )
      const digests = lines(events).filter((line) => line.includes(" disk "))
      assert.strictEqual(digests.length, 1)
      assert.match(digests[0]!, / a disk .*"\/tmp\/x":"text"/)
    })
  )

  it.effect("has the preemptions, which can be repeated and left out", () =>
    Effect.gen(function* () {
      const racy = () =>
        Effect.gen(function* () {
          const counter = yield* Ref.make(0)
          const increment = Effect.flatMap(Ref.get(counter), (n) => Ref.set(counter, n + 1))
          yield* Effect.all([increment, increment, increment], { concurrency: "unbounded" })
          return yield* Ref.get(counter)
        })
      const found = yield* recorded(racy, "", { preempt: 0.5, seed: 1 })
      const switches = found.events.flatMap((event) => (event._tag === "Switch" ? [event] : []))
      assert.isNotEmpty(switches)
      assert.deepStrictEqual(
        switches.map(({ choice, point }) => [point, choice] as const),
        found.report.decisions
      )
      const repeated = yield* recorded(racy, "", { decisions: found.report.decisions, seed: 2 })
      assert.deepStrictEqual(repeated.report.exit, found.report.exit)
      assert.deepStrictEqual(repeated.events, found.events)
      const without = yield* recorded(racy, "", { decisions: [] })
      assert.deepStrictEqual(without.report.decisions, [])
      assert.deepStrictEqual(lines(without.events), [])
    })
  )

  it.effect("is the same for the same seed, with programs that log and fork", () =>
    Effect.gen(function* () {
      const scenario = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
        const { a, b } = yield* pair(simulation)
        yield* listen(b)
        const fiber = yield* Effect.forkChild(a.run(send(b, 3, "0", `${Math.random()}`)))
        yield* Effect.forEach([1, 2, 3], (n) => Effect.andThen(Effect.sleep(n), Effect.log(n, Math.random())))
        yield* Fiber.join(fiber)
      })
      const options = { preempt: 0.3, seed: 5 }
      const one = yield* recorded(scenario, "delay=50% 1ms..9ms", options)
      const other = yield* recorded(scenario, "delay=50% 1ms..9ms", options)
      assert.deepStrictEqual(one.events, other.events)
      const third = yield* recorded(scenario, "delay=50% 1ms..9ms", { ...options, seed: 6 })
      assert.notDeepEqual(one.events, third.events)
    })
  )
})
