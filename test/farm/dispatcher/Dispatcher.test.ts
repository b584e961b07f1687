import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Dispatcher from "../../../src/farm/dispatcher/Dispatcher.ts"
import type { Event, Options } from "../../../src/farm/dispatcher/DispatcherEvent.ts"
import * as DispatcherModel from "./DispatcherModel.ts"
import { type FaultProfile, healthy } from "./FaultProfile.ts"

const within = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** The probability of a fault in percent, often 0. */
const rate = Schema.Literals([0, 0, 0, 1, 5, 20, 50])

const FaultProfiles = Schema.Array(
  Schema.Struct({
    capacity: within(1, 9),
    millisPerUnit: Schema.Literals([0, 1, 1, 20]),
    maxDelayMillis: Schema.Literals([0, 1, 30]),
    crash: rate,
    hang: rate,
    duplicate: rate,
    garbage: rate,
    throw: rate,
    partition: rate,
    staysDown: Schema.Boolean,
    ignoresCancel: Schema.Boolean,
    beatsWhileHanging: Schema.Boolean,
    dropsWaiting: Schema.Boolean,
    reportsEachBegin: Schema.Boolean
  })
).check(Schema.isMaxLength(4))

const PlanOptions = Schema.Struct({
  seed: within(0, 2 ** 31),
  units: within(0, 400),
  packetSize: Schema.UndefinedOr(Schema.Literals([1, 7])),
  ordered: Schema.Boolean,
  holdUntilConsumed: Schema.Boolean,
  bufferSize: within(1, 40),
  leaseMillis: Schema.Literals([300, 2_000]),
  timeoutMillis: Schema.Literals([500, 1_500])
})

const profilesOf = (profiles: typeof FaultProfiles.Type): ReadonlyArray<FaultProfile> =>
  profiles.map((profile) => {
    const { crash, duplicate, garbage, hang, partition, throw: throws } = profile
    const parts = { crash, duplicate, garbage, hang, partition, throw: throws }
    return {
      ...healthy,
      ...profile,
      ...(Object.fromEntries(Object.entries(parts).map(([key, of]) => [key, of / 100])) as typeof parts)
    }
  })

const propertyRuns = 300

/** The runs of properties that build on the first one. */
const furtherRuns = 100

/** Keeps the state of a dispatcher between its steps. */
const drive = (options: Options<number>) => {
  let state = Dispatcher.make<number, number>(options)
  return {
    state: () => state,
    step: (events: ReadonlyArray<Event<number>>, now: number) => {
      const [next, actions] = Dispatcher.step(options, state, events, now)
      state = next
      return actions
    }
  }
}

describe("Dispatcher", () => {
  const coverage = { runs: 0, faults: 0 }
  // The first property proves nothing without faults.
  afterAll(() => {
    if (coverage.runs === propertyRuns) assert.isAbove(coverage.faults, 1_000)
  })

  it.effect.prop(
    "merges every packet once under any faults, while one worker survives",
    [FaultProfiles, PlanOptions],
    ([profiles, rest]) =>
      Effect.sync(() => {
        const survivor = { ...healthy, crash: 0.05, duplicate: rest.seed % 2 === 0 ? 0.1 : 0, throw: 0.05 }
        const outcome = DispatcherModel.run({ ...rest, profiles: [...profilesOf(profiles), survivor] })
        assert.deepStrictEqual(outcome.violations, [])
        assert.strictEqual(outcome.wrong, 0)
        assert.strictEqual(outcome.end?._tag, "Finished")
        assert.strictEqual(DispatcherModel.coverageGap(outcome.merged, rest.units), undefined)
        coverage.runs++
        coverage.faults += outcome.faults
      }),
    { arbitrary: { runs: propertyRuns } }
  )

  it.effect.prop(
    "merges every packet once while workers join and leave at any time",
    [FaultProfiles, FaultProfiles, PlanOptions, Schema.Array(within(0, 2_000)).check(Schema.isMaxLength(4))],
    ([start, joining, rest, times]) =>
      Effect.sync(() => {
        const at = (index: number) => times[index % Math.max(1, times.length)] ?? 0
        const survivor = { ...healthy, crash: 0.05, throw: 0.05 }
        const joins = [...profilesOf(joining), survivor].map((profile, index) => ({ profile, after: at(index) }))
        const leaves = start.map((_, worker) => ({ worker, after: at(worker + 1) }))
        const outcome = DispatcherModel.run({ ...rest, profiles: profilesOf(start), joins, leaves })
        assert.deepStrictEqual(outcome.violations, [])
        assert.strictEqual(outcome.wrong, 0)
        assert.strictEqual(outcome.end?._tag, "Finished")
        assert.strictEqual(DispatcherModel.coverageGap(outcome.merged, rest.units), undefined)
      }),
    { arbitrary: { runs: furtherRuns } }
  )

  it.effect.prop(
    "merges no result of a host that lies, once it is found out, and rejects no other",
    [FaultProfiles, PlanOptions, Schema.Literals([1, 3]), Schema.Literals([1, 0.3])],
    ([profiles, rest, everyNth, lie]) =>
      Effect.sync(() => {
        const honest = { ...healthy, crash: 0.02, throw: 0.02 }
        const others = profilesOf(profiles).map((profile, index) => ({ ...profile, host: `other ${index % 2}` }))
        const workers = [
          { ...healthy, lie, host: "liar" },
          { ...honest, host: "good" },
          { ...honest, host: "fine" }
        ]
        const outcome = DispatcherModel.run({
          ...rest,
          profiles: [...workers, ...others],
          holdUntilConsumed: false,
          verify: { isChosen: (id) => id % everyNth === 0, isEqual: (one, two) => one === two, holdsResults: true }
        })
        const rejected = outcome.notices.flatMap((notice) => (notice._tag === "HostRejected" ? [notice.host] : []))
        assert.deepStrictEqual(outcome.violations, [])
        assert.strictEqual(outcome.end?._tag, "Finished")
        assert.strictEqual(DispatcherModel.coverageGap(outcome.merged, rest.units), undefined)
        assert.isTrue(rejected.every((host) => host === "liar"))
        assert.isAtMost(rejected.length, 1)
        if (everyNth === 1 || rejected.length > 0) assert.strictEqual(outcome.wrong, 0)
      }),
    { arbitrary: { runs: furtherRuns } }
  )

  it.effect.prop(
    "ends with a reason when all workers may die, and when packets fail too often",
    [FaultProfiles, PlanOptions, within(1, 4)],
    ([profiles, rest, attempts]) =>
      Effect.sync(() => {
        const mortalProfiles = profilesOf(profiles).map((profile) => ({ ...profile, staysDown: true, crash: 0.2 }))
        const outcome = DispatcherModel.run({ ...rest, maxAttempts: attempts, profiles: mortalProfiles })
        assert.deepStrictEqual(outcome.violations, [])
        assert.isDefined(outcome.end)
        if (outcome.end?._tag === "PoisonPacket") assert.isAtLeast(outcome.end.attempts.length, attempts)
        assert.notStrictEqual(outcome.end?._tag, "SplitFailed")
        if (outcome.end?._tag === "NoWorkers") assert.strictEqual(outcome.end.causes.length, profiles.length)
        if (outcome.end?._tag === "Finished")
          assert.strictEqual(DispatcherModel.coverageGap(outcome.merged, rest.units), undefined)
      }),
    { arbitrary: { runs: propertyRuns } }
  )

  it.effect.prop(
    "counts the death of a worker against the packet that kills it, and no other",
    [within(0, 99), within(1, 4)],
    ([deadly, attempts]) =>
      Effect.sync(() => {
        const outcome = DispatcherModel.run({
          seed: deadly,
          units: 100,
          packetSize: 1,
          lethalUnit: deadly,
          maxAttempts: attempts,
          profiles: [healthy, healthy]
        })
        if (outcome.end?._tag !== "PoisonPacket") return assert.fail(`${outcome.end?._tag}`)
        assert.strictEqual(outcome.end.id, deadly)
        assert.strictEqual(outcome.end.attempts.length, attempts)
        assert.isTrue(outcome.end.attempts.every(({ kind, message }) => kind === "Lost" && message === "it crashed"))
      })
  )

  it("assigns few packets to a slow worker, and copies its last one to others", () => {
    const slow = { ...healthy, millisPerUnit: 100 }
    const outcome = DispatcherModel.run({
      seed: 1,
      units: 2_000,
      profiles: [healthy, healthy, slow],
      leaseMillis: 100_000
    })
    assert.strictEqual(outcome.end?._tag, "Finished")
    assert.isBelow(outcome.elapsedMillis, 1_400)
    assert.isBelow(outcome.sentToWorker[2]!, 14)
  })

  it("copies a straggler to another worker long before its lease ends", () => {
    const outcome = DispatcherModel.run({
      seed: 3,
      units: 200,
      profiles: [healthy, { ...healthy, hang: 1 }],
      leaseMillis: 1e6
    })
    assert.strictEqual(outcome.end?._tag, "Finished")
    assert.isBelow(outcome.elapsedMillis, 1_000)
  })

  it("retries a failed packet on another worker", () => {
    const profiles = [{ ...healthy, throw: 1, millisPerUnit: 0, maxDelayMillis: 0 }, healthy]
    const outcome = DispatcherModel.run({ seed: 5, units: 100, maxAttempts: 2, profiles })
    assert.strictEqual(outcome.end?._tag, "Finished")
  })

  it("backs off from a worker that only fails, and retries it after a lease", () => {
    const profiles = [{ ...healthy, throw: 1, millisPerUnit: 0, maxDelayMillis: 0 }, healthy]
    const outcome = DispatcherModel.run({ seed: 6, units: 5_000, packetSize: 1, leaseMillis: 500, profiles })
    assert.strictEqual(outcome.end?._tag, "Finished")
    assert.isAbove(outcome.elapsedMillis, 4_000)
    assert.isAbove(outcome.sentToWorker[0]!, 8)
    assert.isBelow(outcome.sentToWorker[0]!, 60)
  })

  /** Drives one worker with leases of a second, two packets at a time and two attempts for each. */
  const driveLeases = (packetCount: number) => {
    let cut = 0
    const { step } = drive({
      ...{ leaseMillis: 1_000, ordered: false, holdUntilConsumed: false, bufferSize: 10, targetMillis: 50 },
      ...{ initialSize: 1, packetSize: 1, maxAttempts: 2, totalUnits: packetCount },
      workers: [{ name: "one", capacity: 2, latencyMillis: 5 }],
      nextPacket: () => (cut === packetCount ? undefined : { packet: cut++, units: 1 })
    })
    const sentAt = (now: number, ...events: ReadonlyArray<Event<number>>) =>
      step(events, now).flatMap((action) => (action._tag === "Run" ? action.tasks.map(({ id }) => id) : []))
    return { step, sentAt, stopped: (id: number) => ({ _tag: "Stopped" as const, worker: 0, id }) }
  }

  it("counts no expired lease against a packet behind one that was cancelled and still runs", () => {
    const { sentAt, stopped } = driveLeases(3)
    assert.deepStrictEqual(sentAt(0), [0, 1])
    assert.deepStrictEqual(sentAt(60, { _tag: "Done", worker: 0, id: 0, result: 0, millis: 60 }), [2])
    assert.deepStrictEqual(sentAt(1_000, { _tag: "Tick" }), [])
    assert.deepStrictEqual(sentAt(1_060, { _tag: "Tick" }), [])
    assert.deepStrictEqual(sentAt(1_100, stopped(1), stopped(2)), [1, 2])
    const threw = { _tag: "Failed" as const, worker: 0, id: 2, kind: "Threw" as const, message: "it threw" }
    assert.deepStrictEqual(sentAt(1_200, threw), [2])
  })

  it("counts an expired lease against the packet that was begun, not against those that wait behind it", () => {
    const { sentAt, step, stopped } = driveLeases(2)
    assert.deepStrictEqual(sentAt(0), [0, 1])
    assert.deepStrictEqual(sentAt(0, { _tag: "Working", worker: 0, id: 0 }), [])
    assert.deepStrictEqual(sentAt(1_000, { _tag: "Tick" }), [])
    assert.deepStrictEqual(sentAt(1_100, stopped(0), stopped(1)), [0, 1])
    const threw = { _tag: "Failed" as const, worker: 0, kind: "Threw" as const, message: "it threw" }
    assert.deepStrictEqual(sentAt(1_200, { ...threw, id: 1 }), [1])
    const [poison] = step([{ ...threw, id: 0 }], 1_300).filter(({ _tag }) => _tag === "PoisonPacket")
    assert.deepStrictEqual(poison, {
      _tag: "PoisonPacket",
      id: 0,
      packet: 0,
      attempts: [
        { worker: "one", kind: "Expired", message: "no sign of life within 1 s" },
        { worker: "one", kind: "Threw", message: "it threw" }
      ]
    })
  })

  it("counts no attempt against a packet that waits behind a cancelled one when the worker is lost", () => {
    let left = 3
    const { step } = drive({
      ...{ leaseMillis: 1_000, maxAttempts: 3, ordered: false, holdUntilConsumed: false, bufferSize: 10 },
      ...{ targetMillis: 50, initialSize: 1, packetSize: 1, totalUnits: 3 },
      workers: ["one", "two"].map((name) => ({ name, capacity: 2, latencyMillis: 5 })),
      nextPacket: () => (left > 0 ? { packet: left--, units: 1 } : undefined)
    })
    const done = (id: number) => ({ _tag: "Done" as const, worker: 1, id, result: 1, millis: 1 })
    const runs = (now: number, ...events: ReadonlyArray<Event<number>>) =>
      step(events, now).flatMap((action) =>
        action._tag === "Run" ? action.tasks.map(({ id }) => `${action.worker}: ${id}`) : []
      )
    assert.deepStrictEqual(runs(0), ["0: 0", "0: 2", "1: 1"])
    assert.deepStrictEqual(runs(10, done(1)), [])
    // Worker 1 is idle: it gets copies of the packets of worker 0, and finishes the first before it.
    assert.deepStrictEqual(runs(20, { _tag: "Tick" }), ["1: 0"])
    assert.deepStrictEqual(runs(30, done(0)), ["1: 2"])
    const message = "cancelled packets did not end"
    const notices = step([{ _tag: "Lost", worker: 0, message }], 40).flatMap((action) =>
      action._tag === "Notify" ? [action.notice] : []
    )
    assert.deepStrictEqual(notices, [{ _tag: "WorkerLost", worker: "one", message }])
  })

  it("continues from a snapshot of its state with the same actions", () => {
    const options: Options<number> = {
      ...{ leaseMillis: 1_000, maxAttempts: 3, ordered: true, holdUntilConsumed: true, bufferSize: 20 },
      ...{ targetMillis: 50, initialSize: 1, packetSize: 1, totalUnits: undefined },
      workers: ["one", "two"].map((name) => ({ name, capacity: 3, latencyMillis: 5 })),
      nextPacket: () => ({ packet: 7, units: 1 })
    }
    const events: ReadonlyArray<ReadonlyArray<Event<number>>> = [
      [],
      [{ _tag: "Done", worker: 1, id: 1, result: 1, millis: 1 }],
      [{ _tag: "Failed", worker: 0, id: 0, kind: "Threw", message: "it threw" }, { _tag: "Tick" }],
      [{ _tag: "Lost", worker: 1, message: "it crashed" }],
      [
        { _tag: "Consumed", count: 1 },
        { _tag: "Ready", worker: 1 }
      ],
      [{ _tag: "Cancel" }]
    ]
    const once = drive(options)
    let snapshot = Dispatcher.make<number, number>(options)
    for (const [at, batch] of events.entries()) {
      const [next, actions] = Dispatcher.step(options, structuredClone(snapshot), batch, at * 1_100)
      assert.deepStrictEqual(actions, once.step(batch, at * 1_100))
      assert.deepStrictEqual(next, once.state())
      snapshot = next
    }
    assert.deepStrictEqual(snapshot.end, { _tag: "Finished" })
  })

  it("notifies of failed attempts, lost workers and their return", () => {
    const { step } = drive({
      ...{ leaseMillis: 1_000, maxAttempts: 3, ordered: false, holdUntilConsumed: false, bufferSize: 10 },
      ...{ targetMillis: 50, initialSize: 1, packetSize: 1, totalUnits: undefined },
      workers: [{ name: "one", capacity: 1, latencyMillis: 0 }],
      nextPacket: () => ({ packet: 7, units: 1 })
    })
    const notices = (...events: ReadonlyArray<Event<number>>) =>
      step(events, 0).flatMap((action) => (action._tag === "Notify" ? [action.notice] : []))
    assert.deepStrictEqual(notices(), [])
    assert.deepStrictEqual(notices({ _tag: "Working", worker: 0, id: 0 }), [])
    const message = "it crashed"
    assert.deepStrictEqual(notices({ _tag: "Lost", worker: 0, message }, { _tag: "Ready", worker: 0 }), [
      { _tag: "WorkerLost", worker: "one", message },
      { _tag: "AttemptFailed", id: 0, attempt: { worker: "one", kind: "Lost", message } },
      { _tag: "WorkerReady", worker: "one" },
      { _tag: "PacketRetried", id: 0, worker: "one", attempts: 1 }
    ])
    const [gone] = notices({ _tag: "Gone", worker: 0, message, running: [] })
    assert.deepStrictEqual(gone, { _tag: "WorkerGone", worker: "one", message })
  })

  it("ends the run when a packet cannot be split off, and cancels what runs", () => {
    let cut = 0
    const cause = new Error("oops")
    const { step } = drive({
      ...{ leaseMillis: 1_000, maxAttempts: 3, ordered: false, holdUntilConsumed: false, bufferSize: 10 },
      ...{ targetMillis: 50, initialSize: 1, packetSize: 1, totalUnits: undefined },
      workers: [
        { name: "one", capacity: 1, latencyMillis: 0 },
        { name: "two", capacity: 1, latencyMillis: 0 }
      ],
      nextPacket: () => {
        if (cut === 2) throw cause
        return { packet: cut++, units: 1 }
      }
    })
    step([], 0)
    assert.deepStrictEqual(step([{ _tag: "Done", worker: 0, id: 0, result: 0, millis: 1 }], 1), [
      { _tag: "Merge", id: 0, packet: 0, units: 1, result: 0 },
      { _tag: "Cancel", worker: 1, ids: [1] },
      { _tag: "SplitFailed", id: 2, cause }
    ])
    assert.deepStrictEqual(step([{ _tag: "Tick" }], 2), [])
  })

  it("forgets packets that are done", () => {
    let cut = 0
    const options = {
      leaseMillis: 1_000,
      maxAttempts: 3,
      ordered: false,
      holdUntilConsumed: false,
      bufferSize: 10,
      targetMillis: 50,
      initialSize: 1,
      packetSize: 1
    }
    const { state, step } = drive({
      ...{ ...options, totalUnits: undefined, workers: [{ name: "one", capacity: 4, latencyMillis: 5 }] },
      nextPacket: () => ({ packet: cut++, units: 1 })
    })
    let now = 0
    let actions = step([], now)
    for (let round = 0; round < 50_000; round++) {
      now += 1
      const done = actions.flatMap((action) =>
        action._tag === "Run"
          ? action.tasks.map(({ id }) => ({ _tag: "Done" as const, worker: 0, id, result: id, millis: 0.5 }))
          : []
      )
      actions = step(done, now)
      assert.isAtMost(Dispatcher.unmerged(state()).length, 4)
    }
    assert.isAbove(cut, 50_000)
    assert.isFalse(Dispatcher.isPending(state(), 0))
  })
})
