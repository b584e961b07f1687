import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as supervisor from "../../../../src/cli/run/up/supervisor.ts"

const fail = (message: string) => Effect.fail({ message })

/** An instance whose starts end as listed: with a failure at once, or never. After the list it serves for ever. */
const scripted = (name: string, starts: ReadonlyArray<"fails" | "crashes" | number>, message?: string) =>
  Effect.gen(function* () {
    const started = yield* Ref.make(0)
    const instance: supervisor.Instance<string, never> = {
      name,
      run: (ready) =>
        Effect.gen(function* () {
          const at = yield* Ref.getAndUpdate(started, (count) => count + 1)
          const plan = starts[at]
          if (plan === "fails") return yield* fail(message ?? `${name} cannot start`)
          if (plan === "crashes") return yield* Effect.die(new Error(`${name} has crashed`))
          yield* ready(`server of ${name}`, `address of ${name}`)
          if (plan === undefined) return yield* Effect.never
          yield* Effect.sleep(plan)
          return yield* fail(message ?? `${name} has failed`)
        })
    }
    return { instance, started: Ref.get(started) }
  })

const schedule = supervisor.backoff({ firstDelayMillis: 1_000, maxDelayMillis: 8_000 })
const make = supervisor.make<string, never>({ schedule })

const phaseOf = (group: supervisor.Supervisor<string, never>, name: string) =>
  Effect.map(group.instances, (instances) => instances.get(name)?.phase)

describe("supervisor", () => {
  it.effect("starts a failed instance again, and leaves the others alone", () =>
    Effect.gen(function* () {
      const group = yield* make
      const bad = yield* scripted("bad", ["fails", "crashes", 500])
      const good = yield* scripted("good", [])
      yield* group.add(bad.instance)
      yield* group.add(good.instance)
      assert.strictEqual(yield* phaseOf(group, "bad"), "restarting")
      assert.strictEqual(yield* phaseOf(group, "good"), "ready")
      yield* TestClock.adjust("1 minute")
      const instances = yield* group.instances
      const { lastError, phase, restarts } = instances.get("bad")!
      assert.deepStrictEqual(
        { lastError, phase, restarts },
        { lastError: "bad has failed", phase: "ready", restarts: 3 }
      )
      assert.strictEqual(yield* good.started, 1)
      assert.strictEqual(instances.get("good")?.running, "server of good")
    })
  )

  it.effect("waits longer after each failure in a row, up to the maximum, and begins anew after a long uptime", () =>
    Effect.gen(function* () {
      const group = yield* make
      const often = yield* scripted(
        "often",
        Array.from({ length: 1_000 }, () => "fails" as const)
      )
      yield* group.add(often.instance)
      yield* TestClock.adjust("10 minutes")
      // 600 s: delays of 1, 2, 4 and then 8 s, each changed by up to a fifth.
      const starts = yield* often.started
      assert.isAtLeast(starts, 62)
      assert.isAtMost(starts, 96)
      const stable = yield* scripted("stable", [20_000, 20_000, 20_000])
      yield* group.add(stable.instance)
      yield* TestClock.adjust(20_000)
      yield* TestClock.adjust(1_200)
      assert.strictEqual(yield* stable.started, 2)
      yield* TestClock.adjust(20_000)
      yield* TestClock.adjust(1_200)
      assert.strictEqual(yield* stable.started, 3)
    }).pipe(Random.withSeed("restarts"))
  )

  it.effect("gives an instance up after the last restart of its schedule", () =>
    Effect.gen(function* () {
      const group = yield* supervisor.make<string, never>({
        schedule: supervisor.backoff({ firstDelayMillis: 1, maxDelayMillis: 1, maxRestarts: 2 })
      })
      const bad = yield* scripted("bad", ["fails", "fails", "fails", "fails"])
      yield* group.add(bad.instance)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* phaseOf(group, "bad"), "failed")
      assert.strictEqual(yield* bad.started, 3)
    })
  )

  it.effect("logs a failure with one name, equal ones once, and again after a long uptime", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const options = { firstDelayMillis: 1_000, maxDelayMillis: 8_000 }
          const group = yield* supervisor.make<string, never>({
            schedule: supervisor.backoff({ ...options, maxRestarts: 2 })
          })
          const rot13 = yield* scripted("rot13", ["fails", 20_000, 20_000, "fails", "fails"], "in use")
          yield* group.add(rot13.instance)
          for (let count = 0; count < 10; count++) yield* TestClock.adjust("10 seconds")
          assert.strictEqual((yield* group.instances).get("rot13")?.lastError, "in use")
        })
      ).pipe(Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual(lines, [
        "Warn: rot13: in use",
        "Warn: rot13: in use",
        "Warn: rot13: in use",
        "Error: rot13: in use; it is not started again"
      ])
    })
  )

  /** An instance whose server ends when the latch is open. It notes its starts and ends. */
  const draining = Effect.fnUntraced(function* (name: string) {
    const drained = yield* Latch.make()
    const events = yield* Ref.make<ReadonlyArray<string>>([])
    const note = (event: string) => Ref.update(events, (all) => [...all, event])
    const instance: supervisor.Instance<string, never> = {
      name,
      run: (ready) =>
        Effect.andThen(note("start"), Effect.andThen(ready(`server of ${name}`, name), Effect.never)).pipe(
          Effect.ensuring(Effect.andThen(drained.await, note("end")))
        )
    }
    yield* Effect.addFinalizer(() => drained.open)
    return { instance, drained, events: Ref.get(events) }
  })

  it.effect("restarts an instance on request, once its server has ended, and no other one", () =>
    Effect.gen(function* () {
      const group = yield* make
      const slow = yield* draining("slow")
      const other = yield* scripted("other", [])
      yield* group.add(slow.instance)
      yield* group.add(other.instance)
      const restart = yield* Effect.forkChild(group.restart("slow"), { startImmediately: true })
      assert.strictEqual(yield* phaseOf(group, "slow"), "restarting")
      assert.isUndefined(yield* group.restart("slow"))
      assert.deepStrictEqual(yield* slow.events, ["start"])
      yield* slow.drained.open
      const after = yield* Fiber.join(restart)
      assert.deepInclude(after, { phase: "ready", restarts: 1, running: "server of slow", lastError: undefined })
      assert.deepStrictEqual(yield* slow.events, ["start", "end", "start"])
      assert.strictEqual(yield* other.started, 1)
      assert.isUndefined(yield* group.restart("unknown"))
    })
  )

  it.effect("restarts an instance on request that has been given up, or waits for its next start", () =>
    Effect.gen(function* () {
      const limited = { firstDelayMillis: 60_000, maxDelayMillis: 60_000 }
      const given = yield* supervisor.make<string, never>({
        schedule: supervisor.backoff({ ...limited, maxRestarts: 0 })
      })
      const bad = yield* scripted("bad", ["fails", "fails"])
      yield* given.add(bad.instance)
      assert.strictEqual(yield* phaseOf(given, "bad"), "failed")
      assert.deepInclude(yield* given.restart("bad"), { phase: "failed", restarts: 1 })
      assert.deepInclude(yield* given.restart("bad"), { phase: "ready", restarts: 2 })
      const patient = yield* supervisor.make<string, never>({ schedule: supervisor.backoff(limited) })
      const waiting = yield* scripted("waiting", ["fails"])
      yield* patient.add(waiting.instance)
      assert.strictEqual(yield* phaseOf(patient, "waiting"), "restarting")
      assert.deepInclude(yield* patient.restart("waiting"), { phase: "ready", restarts: 1 })
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* waiting.started, 2)
    })
  )

  it.effect("completes a restart whose caller is interrupted", () =>
    Effect.gen(function* () {
      const group = yield* make
      const { drained, events, instance } = yield* draining("a")
      yield* group.add(instance)
      const caller = yield* Effect.forkChild(group.restart("a"), { startImmediately: true })
      yield* Fiber.interrupt(caller)
      const ready = group.changes.pipe(
        Stream.filter((table) => table.get("a")?.restarts === 1 && table.get("a")?.phase === "ready"),
        Stream.runHead
      )
      yield* drained.open
      yield* ready
      assert.deepStrictEqual(yield* events, ["start", "end", "start"])
    })
  )

  it.effect("does not start an instance again that is removed while it is restarted", () =>
    Effect.gen(function* () {
      const group = yield* make
      const { drained, events, instance } = yield* draining("a")
      yield* group.add(instance)
      const restart = yield* Effect.forkChild(group.restart("a"), { startImmediately: true })
      const removed = yield* Effect.forkChild(group.remove("a"), { startImmediately: true })
      assert.strictEqual(yield* phaseOf(group, "a"), "stopped")
      yield* drained.open
      yield* Fiber.join(removed)
      assert.isUndefined(yield* Fiber.join(restart))
      assert.deepStrictEqual([...(yield* group.instances).keys()], [])
      assert.deepStrictEqual(yield* events, ["start", "end"])
    })
  )

  it.effect("stops an instance that is removed, and all at the end of its scope, at the same time", () =>
    Effect.gen(function* () {
      const stopped = yield* Ref.make<ReadonlyArray<string>>([])
      const slow = (name: string): supervisor.Instance<string, never> => ({
        name,
        run: (ready) =>
          Effect.andThen(ready(name, name), Effect.never).pipe(
            Effect.ensuring(
              Effect.andThen(
                Effect.sleep("5 seconds"),
                Ref.update(stopped, (names) => [...names, name])
              )
            )
          )
      })
      const running = yield* Effect.forkChild(
        Effect.scoped(
          Effect.gen(function* () {
            const group = yield* make
            for (const name of ["a", "b", "c"]) yield* group.add(slow(name))
            yield* group.remove("a")
            assert.deepStrictEqual([...(yield* group.instances).keys()], ["b", "c"])
          })
        )
      )
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* Ref.get(stopped), ["a"])
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(running)
      assert.deepStrictEqual([...(yield* Ref.get(stopped))].sort(), ["a", "b", "c"])
    })
  )
})
