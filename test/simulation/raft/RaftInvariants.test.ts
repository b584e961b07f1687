import { assert, describe, it } from "@effect/vitest"
import * as KeyValue from "../../../scripts/examples/raft/KeyValue.ts"
import * as Raft from "../../../scripts/examples/raft/Raft.ts"
import * as RaftInvariants from "../../../scripts/examples/raft/RaftInvariants.ts"

const members = ["a", "b", "c"]
const snapshot = { index: 0, term: 0, members, machine: KeyValue.empty }
const noop = (term: number) => ({ term, command: { _tag: "Noop" } }) as const

/** A state whose log has entries of these terms. */
const state = (id: string, terms: ReadonlyArray<number>, changes: Partial<Raft.State> = {}): Raft.State => ({
  ...Raft.make(id, { term: 9, vote: null, log: { snapshot, entries: terms.map(noop) } }),
  ...changes
})

const leads = (term: number) => ({ role: "leader", term }) as const

describe("RaftInvariants", () => {
  it.each<[string, ReadonlyArray<Raft.State>]>([
    ["election safety", [state("a", [], leads(2)), state("b", [], leads(2))]],
    ["leader append-only", [state("a", [1, 1], leads(2)), state("a", [1], leads(2))]],
    ["log matching", [state("a", [1, 1, 2]), state("b", [1, 2, 2])]],
    ["leader completeness", [state("a", [1], { commit: 1, term: 1 }), state("b", [], leads(2))]],
    ["commit of a went back", [state("a", [1, 1], { commit: 2 }), state("a", [1, 1], { commit: 1 })]],
    ["state machine safety", [state("a", [1], { commit: 1 }), state("b", [2], { commit: 1 })]]
  ])("notices that %s does not hold", (property, [first, second]) => {
    const invariants = RaftInvariants.make()
    const [a, b] = [invariants.observe(), invariants.observe()]
    a(first!)
    assert.throws(() => (second!.id === "a" ? a : b)(second!), property)
  })

  it("accepts a leader of a later term that has what is committed", () => {
    const invariants = RaftInvariants.make()
    invariants.observe()(state("a", [1], { commit: 1, term: 1 }))
    invariants.observe()(state("b", [1, 2], leads(2)))
    assert.strictEqual(invariants.seen.leaders, 1)
  })
})
