import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Heartbeat from "../../src/process/Heartbeat.ts"
import * as Supervision from "../../src/process/Supervision.ts"

const policy: Supervision.Policy = {
  startTimeoutMillis: 1_000,
  initialRestartDelayMillis: 100,
  maxRestartDelayMillis: 10_000,
  stableUptimeMillis: 10_000,
  maxIdleFailures: 6,
  heartbeat: { intervalMillis: 5_000, unresponsiveAfterPings: 2, killAfterPings: 3 }
}

interface Step {
  readonly event: Supervision.Event
  readonly before: Supervision.State
  readonly after: Supervision.State
  readonly actions: ReadonlyArray<Supervision.Action>
  readonly now: number
}

/** Returns a group with a clock, and all of its steps. */
const makeGroup = (groupPolicy: Supervision.Policy) => {
  const steps: Array<Step> = []
  let state = Supervision.initial
  let now = 0
  const send = (event: Supervision.Event) => {
    const before = state
    const [after, actions] = Supervision.step(groupPolicy, before, event, now)
    state = after
    steps.push({ event, before, after, actions, now })
    return actions
  }
  return {
    steps,
    send,
    state: () => state,
    now: () => now,
    ids: () => [...state.workers.keys()],
    /** Sends the ticks that are due in the next milliseconds. */
    pass: (millis: number) => {
      const end = now + millis
      const actions: Array<Supervision.Action> = []
      for (;;) {
        const at = Supervision.deadline(groupPolicy, state)
        if (at === undefined || at > end) break
        now = Math.max(now, at)
        actions.push(...send({ _tag: "Tick" }))
      }
      now = end
      return actions
    },
    notices: () =>
      steps.flatMap(({ actions }) => actions.flatMap((action) => (action._tag === "Notify" ? [action.notice] : [])))
  }
}

type Group = ReturnType<typeof makeGroup>

/** Makes a group with one worker, which is ready. */
const runningGroup = (groupPolicy: Supervision.Policy) => {
  const group = makeGroup(groupPolicy)
  group.send({ _tag: "Start", target: 1 })
  group.send({ _tag: "Ready", id: 1 })
  return group
}

const int = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

const Command = Schema.Struct({ kind: int(19), worker: int(5), amount: int(4), millis: int(6_000) })

const Script = Arbitrary.array(Arbitrary.schema(Command), { minLength: 30, maxLength: 120 })

/** Runs a command. Only a killed or running worker ends, as a driver does it. */
const run = (group: Group, { amount, kind, millis, worker }: typeof Command.Type) => {
  const ids = group.ids()
  const id = ids.length === 0 ? 99 : ids[worker % ids.length]!
  if (kind < 2) group.send({ _tag: "Start", target: amount })
  else if (kind < 4) group.send({ _tag: "Resize", target: amount })
  else if (kind < 9) group.send({ _tag: "Ready", id })
  else if (kind === 9) group.send({ _tag: "Progress", id })
  else if (kind === 10) group.send({ _tag: "Detach", id })
  else if (kind === 11) group.send({ _tag: "Kill", id, reason: "test" })
  else if (kind < 14) group.send({ _tag: "Ended", id, reason: "test", hadWork: amount % 2 === 0 })
  else if (kind < 16) group.send({ _tag: "Answered", id })
  else if (kind === 19 && amount === 0) group.send({ _tag: "Close" })
  else if (kind === 19 && amount === 1) group.send({ _tag: "Drain", timeoutMillis: millis })
  else group.pass(millis)
}

const isFinal = ({ phase }: Supervision.State) => phase === "draining" || phase === "closed" || phase === "failed"

const counted = ({ workers }: Supervision.State) =>
  [...workers.values()].filter(({ wasDetached }) => !wasDetached).length

const idsOf = (actions: ReadonlyArray<Supervision.Action>, tag: "Spawn" | "Kill" | "RequestDrain" | "Ping") =>
  actions.flatMap((action) => (action._tag === tag ? [action.id] : []))

const count = (group: Group, tag: Supervision.Notice["_tag"]) =>
  group.notices().filter(({ _tag }) => _tag === tag).length

/** Checks each step by itself. */
const checkSteps = ({ steps }: Group) => {
  for (const { actions, after, before, event, now } of steps) {
    const [spawned, killed] = [idsOf(actions, "Spawn"), idsOf(actions, "Kill")]
    assert.isAtMost(counted(after), Math.max(after.target, counted(before)))
    if (isFinal(before) || isFinal(after)) assert.deepStrictEqual(spawned, [])
    else assert.strictEqual(counted(after) + after.vacancies.length, Math.max(after.target, counted(after)))
    for (const id of spawned) assert.isFalse(before.workers.has(id))
    for (const id of killed) {
      assert.notStrictEqual(before.workers.get(id)!.phase, "killed")
      assert.strictEqual(after.workers.get(id)!.phase, "killed")
    }
    if (event._tag === "Tick") {
      const at = Supervision.deadline(policy, after)
      assert.isTrue(at === undefined || at > now, "a tick must not be due again at once")
    }
    if (event._tag === "Close") {
      for (const { phase } of after.workers.values()) assert.strictEqual(phase, "killed")
      assert.isUndefined(Supervision.deadline(policy, after))
    }
  }
}

/** Checks the life of each worker: spawned once, killed at most once, and ended with one notice or still known. */
const checkWorkers = (group: Group) => {
  const actions = group.steps.flatMap((step) => step.actions)
  const spawned = idsOf(actions, "Spawn")
  const ended = group.notices().flatMap((notice) => (notice._tag === "WorkerEnded" ? [notice.id] : []))
  const killed = idsOf(actions, "Kill")
  assert.strictEqual(new Set(spawned).size, spawned.length)
  assert.strictEqual(new Set(killed).size, killed.length)
  assert.deepStrictEqual(
    [...ended, ...group.ids()].sort((a, b) => a - b),
    spawned
  )
}

/** Checks that a worker is unresponsive, and then killed, after the pings of the policy without an answer. */
const checkPings = ({ steps }: Group) => {
  const { killAfterPings, unresponsiveAfterPings } = policy.heartbeat!
  const unanswered = new Map<number, number>()
  for (const { actions, after, event } of steps) {
    if (event._tag === "Answered") unanswered.delete(event.id)
    for (const action of actions) {
      if (action._tag === "Ping") unanswered.set(action.id, (unanswered.get(action.id) ?? 0) + 1)
      else if (action._tag === "Notify" && action.notice._tag === "Unresponsive")
        assert.isAtLeast(unanswered.get(action.notice.id)!, unresponsiveAfterPings)
    }
    for (const [id, worker] of after.workers) {
      const pings = unanswered.get(id) ?? 0
      assert.isAtMost(pings, killAfterPings)
      if (pings > unresponsiveAfterPings) assert.isFalse(Supervision.isAvailable(policy, worker))
      if (worker.phase === "ready" && pings <= unresponsiveAfterPings)
        assert.isTrue(Supervision.isAvailable(policy, worker))
    }
  }
}

describe("Supervision", () => {
  it.prop(
    "keeps its invariants over any events",
    [Script],
    ([script]) => {
      const group = makeGroup(policy)
      for (const command of script) run(group, command)
      checkSteps(group)
      checkWorkers(group)
      checkPings(group)
      const starts = group.steps.filter(({ event }) => event._tag === "Start").length
      assert.isAtMost(count(group, "Started") + count(group, "StartFailed"), starts)
    },
    { arbitrary: { runs: 1_000 } }
  )

  it.prop(
    "reaches its target once workers become ready and answer",
    [Script],
    ([script]) => {
      const group = makeGroup({ ...policy, maxIdleFailures: undefined })
      for (const command of script) run(group, command)
      if (isFinal(group.state())) return
      for (let round = 0; round < 20; round++) {
        group.pass(900)
        for (const [id, { phase }] of group.state().workers) {
          if (phase === "killed") group.send({ _tag: "Ended", id, reason: "killed", hadWork: true })
          else if (phase === "starting") group.send({ _tag: "Ready", id })
          else group.send({ _tag: "Answered", id })
        }
      }
      // A group that was starting fails with the end of a killed worker.
      if (isFinal(group.state())) return assert.isAtLeast(count(group, "StartFailed"), 1)
      const ready = [...group.state().workers.values()].filter(({ phase }) => phase === "ready").length
      assert.isAtLeast(ready, group.state().target)
      assert.notStrictEqual(group.state().phase, "starting")
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "reports the end of all workers after a drain or close",
    [Script, Schema.Boolean],
    ([script, drain]) => {
      const group = makeGroup(policy)
      for (const command of script) run(group, command)
      const first = group.steps.length
      group.send(drain ? { _tag: "Drain", timeoutMillis: 500 } : { _tag: "Close" })
      if (!drain) assert.isUndefined(Supervision.deadline(policy, group.state()))
      group.pass(6_000)
      for (const { phase } of group.state().workers.values()) assert.strictEqual(phase, "killed")
      for (const id of group.ids()) group.send({ _tag: "Ended", id, reason: "killed", hadWork: false })
      const after = group.steps.slice(first).flatMap(({ actions }) => actions)
      assert.isTrue(after.some((action) => action._tag === "Notify" && action.notice._tag === "AllEnded"))
      assert.isUndefined(Supervision.deadline(policy, group.state()))
      assert.deepStrictEqual(idsOf(after, "Spawn"), [])
    },
    { arbitrary: { runs: 500 } }
  )

  it("starts once all workers are ready, and fails with the first that ends before", () => {
    const group = makeGroup(policy)
    assert.deepStrictEqual(idsOf(group.send({ _tag: "Start", target: 2 }), "Spawn"), [1, 2])
    group.send({ _tag: "Ready", id: 2 })
    assert.strictEqual(count(group, "Started"), 0)
    group.send({ _tag: "Ready", id: 1 })
    assert.strictEqual(count(group, "Started"), 1)

    const failed = makeGroup(policy)
    failed.send({ _tag: "Start", target: 2 })
    failed.send({ _tag: "Ready", id: 1 })
    const actions = failed.send({ _tag: "Ended", id: 2, reason: "exited with code 0", hadWork: false })
    assert.deepStrictEqual(idsOf(actions, "Kill"), [1])
    assert.deepStrictEqual(failed.notices().at(-1), { _tag: "StartFailed", reason: "exited with code 0" })
    failed.send({ _tag: "Ended", id: 1, reason: "killed", hadWork: false })
    assert.isUndefined(Supervision.deadline(policy, failed.state()))
  })

  it("fails the start of a group whose worker is not ready in time, or that is closed", () => {
    const silent = makeGroup(policy)
    silent.send({ _tag: "Start", target: 1 })
    assert.deepStrictEqual(idsOf(silent.pass(999), "Kill"), [])
    assert.deepStrictEqual(idsOf(silent.pass(1), "Kill"), [1])
    assert.deepStrictEqual(silent.notices(), [{ _tag: "StartFailed", reason: "was not ready after 1 s" }])
    const closed = makeGroup(policy)
    closed.send({ _tag: "Start", target: 1 })
    closed.send({ _tag: "Close" })
    closed.send({ _tag: "Start", target: 1 })
    assert.strictEqual(count(closed, "StartFailed"), 2)
  })

  it("doubles the restart delay up to 10 s, and resets it after a long uptime or after progress", () => {
    const group = runningGroup({ ...policy, maxIdleFailures: undefined, heartbeat: undefined })
    /** Ends the worker after an uptime. Returns the delay before the next start. */
    const delay = (uptimeMillis: number) => {
      const [id] = group.ids()
      group.send({ _tag: "Ready", id: id! })
      group.pass(uptimeMillis)
      group.send({ _tag: "Ended", id: id!, reason: "test", hadWork: false })
      const wait = Supervision.deadline(policy, group.state())! - group.now()
      assert.deepStrictEqual(idsOf(group.pass(wait - 1), "Spawn"), [])
      assert.deepStrictEqual(idsOf(group.pass(1), "Spawn"), [id! + 1])
      return wait
    }
    assert.deepStrictEqual(
      Array.from({ length: 9 }, () => delay(50)),
      [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]
    )
    assert.strictEqual(delay(60_000), 100)
    assert.strictEqual(delay(50), 100)
    assert.strictEqual(delay(50), 200)
    const [id] = group.ids()
    group.send({ _tag: "Progress", id: id! })
    assert.strictEqual(delay(50), 100)
  })

  it.prop(
    "replaces a worker that has ended once as soon as if no other failed again and again",
    [int(60_000)],
    ([endMillis]) => {
      const group = makeGroup({ ...policy, maxIdleFailures: undefined, heartbeat: undefined })
      const end = (id: number) => group.send({ _tag: "Ended", id, reason: "test", hadWork: false })
      group.send({ _tag: "Start", target: 2 })
      for (const id of [1, 2]) group.send({ _tag: "Ready", id })
      end(1)
      while (group.now() < endMillis) {
        const nextMillis = Math.min(endMillis, Supervision.deadline(policy, group.state())!)
        for (const id of idsOf(group.pass(nextMillis - group.now()), "Spawn")) end(id)
      }
      end(2)
      group.pass(policy.initialRestartDelayMillis)
      const spawnedMillis = group.steps.flatMap(({ actions, now }) => idsOf(actions, "Spawn").map(() => now))
      assert.include(spawnedMillis, endMillis + policy.initialRestartDelayMillis)
      // Within a minute the other fails at most every 10 s after its first attempts.
      assert.isAtMost(spawnedMillis.length, 2 + 13 + 2)
    },
    { arbitrary: { runs: 200 } }
  )

  it("replaces a worker that ends at work at once, however often that happens", () => {
    const group = runningGroup({ ...policy, heartbeat: undefined })
    const end = (hadWork: boolean) =>
      idsOf(group.send({ _tag: "Ended", id: group.ids()[0]!, reason: "test", hadWork }), "Spawn")
    for (let id = 2; id < 40; id++) assert.deepStrictEqual(end(true), [id])
    assert.deepStrictEqual(end(false), [])
    assert.deepStrictEqual(idsOf(group.pass(policy.initialRestartDelayMillis), "Spawn"), [40])
    assert.deepStrictEqual(end(true), [41])
    assert.strictEqual(group.state().workers.get(41)!.failures, 0)
  })

  it("gives a group up after too many ends in a row without work", () => {
    const group = runningGroup({ ...policy, maxIdleFailures: 2 })
    const end = (hadWork: boolean) => {
      group.send({ _tag: "Ended", id: group.ids()[0]!, reason: "test", hadWork })
      while (group.state().phase === "running" && group.ids().length === 0) group.pass(100)
    }
    for (const hadWork of [false, false, true, false, false]) end(hadWork)
    assert.strictEqual(count(group, "GivenUp"), 0)
    end(false)
    assert.strictEqual(count(group, "GivenUp"), 1)
    assert.deepStrictEqual([group.state().phase, group.ids()], ["failed", []])
  })

  it("kills a worker after three pings without an answer", () => {
    const group = runningGroup(policy)
    assert.deepStrictEqual(idsOf(group.pass(5_000), "Ping"), [1])
    group.send({ _tag: "Answered", id: 1 })
    for (const unanswered of [1, 2]) {
      assert.deepStrictEqual(idsOf(group.pass(5_000), "Ping"), [1])
      assert.strictEqual(group.state().workers.get(1)!.unansweredPings, unanswered)
      assert.strictEqual(count(group, "Unresponsive"), 0)
    }
    group.pass(5_000)
    assert.strictEqual(count(group, "Unresponsive"), 1)
    assert.isFalse(Supervision.isAvailable(policy, group.state().workers.get(1)!))
    const actions = group.pass(5_000)
    assert.deepStrictEqual([idsOf(actions, "Kill"), idsOf(actions, "Ping")], [[1], []])
    group.send({ _tag: "Ended", id: 1, reason: "ended with SIGKILL", hadWork: false })
    assert.deepStrictEqual(group.notices().at(-1), {
      _tag: "WorkerEnded",
      id: 1,
      reason: "did not respond for 15 s",
      wasReady: true,
      wasDetached: false,
      isFailure: true
    })
  })

  it.prop(
    "gives a worker that hangs no work before its timeout has passed, and kills it within a third of it later",
    [int(60_000), int(100_000)],
    ([timeoutMillis, hangMillis]) => {
      const group = runningGroup({ ...policy, heartbeat: Heartbeat.withTimeout(1_000 + timeoutMillis) })
      const wait = () => Supervision.deadline(policy, group.state())! - group.now()
      while (group.now() + wait() < hangMillis) {
        group.pass(wait())
        group.send({ _tag: "Answered", id: 1 })
      }
      group.pass(hangMillis - group.now())
      const isAvailable = () => Supervision.isAvailable(policy, group.state().workers.get(1)!)
      let unavailableMillis: number | undefined
      while (group.state().workers.get(1)!.phase === "ready") {
        group.pass(wait())
        if (!isAvailable()) unavailableMillis ??= group.now() - hangMillis
      }
      const killMillis = group.now() - hangMillis
      // A millisecond for fractions.
      assert.isAtMost(unavailableMillis!, 1_000 + timeoutMillis + 1)
      assert.isAtLeast(killMillis, 1_000 + timeoutMillis - 1)
      assert.isAtMost(killMillis, ((1_000 + timeoutMillis) * 4) / 3 + 1)
    },
    { arbitrary: { runs: 200 } }
  )

  it("replaces a detached worker at once, and expects its end", () => {
    const group = runningGroup(policy)
    assert.deepStrictEqual(idsOf(group.send({ _tag: "Detach", id: 1 }), "Spawn"), [2])
    group.send({ _tag: "Ended", id: 1, reason: "ended with code 0", hadWork: true })
    const [ended] = group.notices().slice(-1)
    assert.isTrue(ended?._tag === "WorkerEnded" && !ended.isFailure)
    assert.deepStrictEqual(group.state().vacancies, [])
  })

  it("requests a drain, and kills the workers that run at its deadline", () => {
    const group = makeGroup(policy)
    group.send({ _tag: "Start", target: 3 })
    for (const id of [1, 2, 3]) group.send({ _tag: "Ready", id })
    group.send({ _tag: "Resize", target: 4 })
    const actions = group.send({ _tag: "Drain", timeoutMillis: 500 })
    assert.deepStrictEqual([idsOf(actions, "RequestDrain"), idsOf(actions, "Kill")], [[1, 2, 3], [4]])
    group.send({ _tag: "Ended", id: 1, reason: "ended with code 0", hadWork: false })
    assert.deepStrictEqual(idsOf(group.pass(499), "Kill"), [])
    assert.deepStrictEqual(idsOf(group.pass(1), "Kill"), [2, 3])
    for (const id of [2, 3, 4]) group.send({ _tag: "Ended", id, reason: "ended with SIGKILL", hadWork: false })
    assert.deepStrictEqual(group.notices().at(-1), { _tag: "AllEnded" })
  })
})
