import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Verification, WorkerInfo } from "../../../src/farm/dispatcher/DispatcherEvent.ts"
import { done, drive, worker } from "./DispatcherDriver.ts"

const verify: Verification = { isChosen: () => true, isEqual: Object.is, holdsResults: false }

const host = (name: string, more: Partial<WorkerInfo> = {}) => worker(name, { host: name, capacity: 1, ...more })

/** Asks one host after the other for packet 0, until the run ends. Each host has a result of its own. */
const decide = (results: ReadonlyArray<number>) => {
  const { state, step } = drive({ verify, workers: results.map((_, index) => host(`${index}`)) }, 1)
  const asked: Array<number> = []
  let actions = step(0)
  for (let now = 1; state().end === undefined; now++) {
    const run = actions.find((action) => action._tag === "Run")
    if (run?._tag !== "Run") return assert.fail(`no host is asked after ${asked.join(" ")}`)
    asked.push(run.worker)
    actions = step(now, done(0, run.worker, results[run.worker]!))
  }
  const merged = actions.flatMap((action) => (action._tag === "Merge" ? [action.result] : []))
  return { actions, asked, merged, rejected: [...state().rejectedHosts].map(Number) }
}

/** Returns the result that two of a list are the first to have in common; undefined if all differ. */
const firstAgreement = (results: ReadonlyArray<number>) => results.find((result, at) => results.indexOf(result) < at)

describe("the votes of hosts on a packet", () => {
  it.prop(
    "accept the first result of two hosts, reject the hosts with others, and ask no further host",
    [Arbitrary.array(Arbitrary.schema(Schema.Literals([0, 1, 2, 3])), { minLength: 2, maxLength: 7 })],
    ([results]) => {
      const { actions, asked, merged, rejected } = decide(results)
      const given = asked.map((index) => results[index]!)
      assert.strictEqual(new Set(asked).size, asked.length, "each host is asked once")
      const agreed = firstAgreement(given)
      if (agreed === undefined) {
        const end = actions.at(-1)
        if (end?._tag !== "PoisonPacket") return assert.fail(end?._tag)
        assert.lengthOf(asked, results.length)
        assert.deepStrictEqual(
          end.attempts.map(({ kind, worker }) => [kind, worker]),
          asked.map((index) => ["Outvoted", `${index}`])
        )
        assert.deepStrictEqual(rejected, [])
        return
      }
      assert.deepStrictEqual(merged, [agreed])
      assert.isUndefined(firstAgreement(given.slice(0, -1)), "no host is asked after an agreement")
      const liars = asked.filter((index) => results[index] !== agreed)
      assert.sameMembers(rejected, liars)
    }
  )

  it("take from a rejected host what it has done and holds, on all of its workers", () => {
    const workers = [
      host("liar"),
      worker("liar 2", { host: "liar", capacity: 1 }),
      ...[host("good"), host("fine"), host("late")]
    ]
    const chosen = { ...verify, holdsResults: true, isChosen: (id: number) => id === 2 }
    const { state, step } = drive({ verify: chosen, workers, leaseMillis: 1e6 }, 6)
    const runs = (actions: ReturnType<typeof step>) =>
      actions.flatMap((action) =>
        action._tag === "Run" ? action.tasks.map(({ id }) => `${action.worker}: ${id}`) : []
      )
    assert.deepStrictEqual(runs(step(0)), ["0: 0", "1: 1", "2: 2", "3: 3", "4: 4"])
    // The liar ends packet 0 and then has the second vote on packet 2, which differs.
    step(1, done(2, 2))
    const [second] = runs(step(2, done(0, 0)))
    assert.strictEqual(second, "0: 2")
    step(3, done(2, 0, -1))
    assert.strictEqual(state().workers.get(0)!.packets, 1)
    const found = step(4, done(3, 3))
    assert.deepStrictEqual(runs(found).slice(0, 1), ["3: 2"])
    const decided = step(5, done(2, 3))
    const rejected = decided.flatMap((action) => (action._tag === "Notify" ? [action.notice] : []))
    assert.deepInclude(rejected, { _tag: "HostRejected", host: "liar", id: 2, redone: 1 })
    const gone = rejected.flatMap((notice) => (notice._tag === "WorkerGone" ? [notice.worker] : []))
    assert.sameMembers(gone, ["liar", "liar 2"])
    // Nothing of the host counts any more; what its workers held is cancelled and goes to others.
    const { busyMillis, packets, units } = state().workers.get(0)!
    assert.deepStrictEqual({ busyMillis, packets, units }, { busyMillis: 0, packets: 0, units: 0 })
    assert.isTrue(decided.some((action) => action._tag === "Cancel" && action.worker === 1 && action.ids.includes(1)))
    assert.isTrue([0, 1].every((id) => state().unfinished.has(id)))
    const later = [...runs(decided), ...runs(step(6, done(4, 4))), ...runs(step(7, done(5, 2)))]
    for (const id of [0, 1])
      assert.isTrue(
        later.some((line) => line.endsWith(`: ${id}`)),
        `packet ${id} is done again`
      )
    // A worker that joins from this host has no part in the run.
    const joined = step(8, { _tag: "Join", info: worker("liar 3", { host: "liar" }) })
    assert.deepInclude(joined, {
      _tag: "Notify",
      notice: {
        ...{ _tag: "WorkerGone", worker: "liar 3" },
        message: "results of its host were not those of other hosts"
      }
    })
  })

  it("count once for each host: a second worker of one decides nothing", () => {
    const workers = [host("one"), worker("one again", { host: "one", capacity: 1 }), host("two")]
    const { state, step } = drive({ verify, workers, leaseMillis: 1e6 }, 1)
    step(0)
    const [run] = step(1, done(0, 0, 7)).filter((action) => action._tag === "Run")
    assert.deepInclude(run, { worker: 2 })
    assert.strictEqual(state().unfinished.get(0)?.votes?.length, 1)
    assert.isTrue(step(2, done(0, 2, 7)).some((action) => action._tag === "Merge"))
  })

  it("count once for two workers of a host that have had the packet at the same time", () => {
    const workers = ["one", "one again"].map((name) => worker(name, { host: "one", capacity: 1 }))
    const { sent, state, step } = drive({ verify, workers, mayJoin: true, leaseMillis: 1e6 }, 2)
    assert.deepStrictEqual(sent(0), ["one: 0", "one again: 1"])
    assert.deepStrictEqual(sent(20, done(1, 1)), ["one again: 0"])
    const actions = [...step(21, done(0, 0, 7)), ...step(22, done(0, 1, 7))]
    assert.isFalse(actions.some((action) => action._tag === "Merge"))
    assert.strictEqual(state().unfinished.get(0)?.votes?.length, 1)
  })

  it("are not asked for packets that are not chosen", () => {
    const { step, tags } = drive({ verify: { ...verify, isChosen: () => false }, workers: [host("a"), host("b")] }, 1)
    step(0)
    assert.deepStrictEqual(tags(1, done(0)), ["Merge", "Finished"])
  })
})
