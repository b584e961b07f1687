import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as KeyValue from "../../../scripts/examples/raft/KeyValue.ts"
import * as Raft from "../../../scripts/examples/raft/Raft.ts"
import * as Log from "../../../scripts/examples/raft/RaftLog.ts"
import type { Message } from "../../../scripts/examples/raft/RaftMessage.ts"

const snapshot = { index: 0, term: 0, members: ["a", "b", "c"], machine: KeyValue.empty }
const logOf = (terms: ReadonlyArray<number>): Log.Log => ({
  snapshot,
  entries: terms.map((term) => ({ term, command: { _tag: "Noop" } }))
})
const server = (id: string, terms: ReadonlyArray<number> = []) =>
  Raft.make(id, { term: 1, vote: null, log: logOf(terms) })

const receive = (state: Raft.State, from: string, message: Message) =>
  Raft.step(state, { _tag: "Receive", from, message })

const sent = (actions: ReadonlyArray<Raft.Action>) =>
  actions.flatMap((action) => (action._tag === "Send" ? [action.message] : []))

const vote = { _tag: "RequestVote", term: 2, isPre: false, lastIndex: 1, lastTerm: 1 } as const

describe("Raft", () => {
  it("gives one vote in a term", () => {
    const [first, granted] = receive(server("a", [1]), "b", vote)
    const [, refused] = receive(first, "c", vote)
    assert.deepInclude(sent(granted)[0], { _tag: "Vote", isGranted: true })
    assert.deepInclude(sent(refused)[0], { _tag: "Vote", isGranted: false })
  })

  it.each([
    [[1], true],
    [[1, 1], false],
    [[2], false]
  ])("with log %j votes for one whose last entry is 1 of term 1: %s", (terms, isGranted) => {
    const [, actions] = receive(server("a", terms), "b", { ...vote, term: 3 })
    assert.deepInclude(sent(actions)[0], { _tag: "Vote", isGranted })
  })

  it("keeps its entries at a late Append, and replaces them at a conflict", () => {
    const append = { _tag: "Append", term: 3, round: 1, previousIndex: 1, previousTerm: 1, commit: 0 } as const
    const [late] = receive(server("a", [1, 1, 1]), "b", { ...append, entries: logOf([1]).entries })
    assert.deepStrictEqual(late.log, logOf([1, 1, 1]))
    const [replaced] = receive(server("a", [1, 1, 1]), "b", { ...append, entries: logOf([3]).entries })
    assert.deepStrictEqual(replaced.log, logOf([1, 3]))
  })

  it("commits an entry of an earlier term only with one of its own (Figure 8)", () => {
    const [candidate] = Raft.step(server("a", [1]), { _tag: "Timeout" })
    const [asking] = receive(candidate, "b", { _tag: "Vote", term: 2, isPre: true, isGranted: true })
    const [leader] = receive(asking, "b", { _tag: "Vote", term: 2, isPre: false, isGranted: true })
    assert.deepStrictEqual([leader.role, leader.log], ["leader", logOf([1, 2])])
    const has = (index: number) => ({ _tag: "Appended", term: 2, round: 1, isOk: true, index }) as const
    const [old] = receive(leader, "b", has(1))
    assert.strictEqual(old.commit, 0)
    assert.strictEqual(receive(old, "b", has(2))[0].commit, 2)
  })
})

describe("RaftLog", () => {
  const Terms = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })))

  it.effect.prop("has the same terms after a snapshot of a part", [Terms, Schema.Int], ([terms, at]) =>
    Effect.sync(() => {
      const log = logOf(terms)
      const index = Math.abs(at) % (terms.length + 1)
      const compacted = index === 0 ? log : Log.compact(log, index, KeyValue.empty)
      assert.strictEqual(Log.lastIndex(compacted), terms.length)
      for (let one = index; one <= terms.length; one++) {
        assert.strictEqual(Log.termAt(compacted, one), Log.termAt(log, one))
      }
      assert.deepStrictEqual(Log.entriesFrom(compacted, index + 1), Log.entriesFrom(log, index + 1))
    })
  )
})

describe("KeyValue", () => {
  it("applies a repeated request once", () => {
    const request = { client: "ann", serial: 1, operation: { _tag: "Append", key: "k", text: "x" } } as const
    const [once, reply] = KeyValue.apply(KeyValue.empty, request)
    assert.deepStrictEqual(KeyValue.apply(once, request), [once, reply])
    assert.strictEqual(KeyValue.get(once, "k"), "x")
  })
})
