/**
 * Test of the Raft cluster: five servers, of which three or four are members at first, and three clients, under faults.
 *
 * Safety: the properties of the paper hold in each state, and the history of the clients is linearizable. Liveness:
 * once the faults are over, each client is answered.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { History, Linearizability, SimCheck, type Simulation } from "effect-inet/simulation"
import type * as KeyValue from "./KeyValue.ts"
import type { Bug } from "./RaftBug.ts"
import * as RaftClient from "./RaftClient.ts"
import * as RaftDissector from "./RaftDissector.ts"
import * as RaftInvariants from "./RaftInvariants.ts"
import * as RaftPlan from "./RaftPlan.ts"
import * as RaftServer from "./RaftServer.ts"

/** The sequential specification of one key. It shares no code with the state machine. */
const register: Linearizability.Spec<string, KeyValue.Operation, string> = {
  initial: "",
  apply: (text, operation) =>
    operation._tag === "Get" ? [text, text] : [text + operation.text, text + operation.text],
  key: (text) => text
}

const clients = ["ann", "bob", "eve"]

/** States that some run must reach. */
export const sometimes = [
  ...["two leaders", "leader with uncommitted entries", "log truncated"],
  ...["snapshot", "membership changed", "unanswered request"]
]

/** Creates the scenario for a server with a bug, or without. */
export const scenario = (bug?: Bug) =>
  Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
    // Most runs have three members, the others four that change; disks are slow or not, and clients patient or not.
    const isChanging = (yield* Random.next) < 0.3
    const disk = { latency: { sync: (yield* Random.next) < 0.5 ? "20 millis" : "2 millis" } } as const
    const hosts = yield* Effect.forEach(RaftPlan.servers.slice(0, isChanging ? 5 : 3), (name) =>
      simulation.host(name, { disk })
    )
    const patience = (yield* Random.next) < 0.25 ? "1 second" : "100 millis"
    const maxEntries = yield* Random.nextIntBetween(2, 6)
    const ids = hosts.map(({ address }) => `${address}:${RaftPlan.port}`)
    const members = ids.slice(0, 4)
    const invariants = RaftInvariants.make()
    for (const [index, host] of hosts.entries()) {
      const id = ids[index]!
      const own = members.includes(id) ? members : []
      yield* host.start(RaftServer.serve({ id, members: own, bug, maxEntries, observe: invariants.observe }))
    }
    const recorder = History.make<KeyValue.Operation, string>()

    const requests = Effect.fnUntraced(function* (name: string) {
      const client = yield* RaftClient.make(name, ids)
      const once = (operation: KeyValue.Operation) => recorder.record(name, operation, client.request(operation))
      for (let count = 0; count < 5; count++) {
        yield* Effect.sleep(yield* Random.nextIntBetween(0, 400))
        const changed = ids[yield* Random.nextIntBetween(0, ids.length - 1)]!
        if (isChanging && (yield* Random.next) < 0.5) yield* client.change(changed, (yield* Random.next) < 0.5)
        const isRead = (yield* Random.next) < 0.3
        const operation = isRead ? ({ _tag: "Get", key: "k" } as const) : append(name, count)
        const isAnswered = yield* Effect.isSuccess(Effect.timeout(once(operation), patience))
        yield* simulation.sometimes("unanswered request", !isAnswered)
      }
      yield* simulation.heal
      yield* Effect.timeout(once(append(name, 9)), "5 seconds")
    }, Effect.scoped)

    yield* Effect.forEach(
      clients,
      (name) => Effect.flatMap(simulation.host(name), (host) => host.run(requests(name))),
      { concurrency: "unbounded" }
    )
    const { leaders, memberships, snapshots, truncations, uncommitted } = invariants.seen
    yield* simulation.sometimes("two leaders", leaders > 1)
    yield* simulation.sometimes("leader with uncommitted entries", uncommitted > 0)
    yield* simulation.sometimes("log truncated", truncations > 0)
    yield* simulation.sometimes("snapshot", snapshots > 0)
    yield* simulation.sometimes("membership changed", memberships > 0)
    const verdict = Linearizability.explain(Linearizability.check(register, withoutLost(recorder.history())))
    if (verdict !== undefined) yield* Effect.die(new RaftInvariants.PropertyBroken(verdict))
  })

/** Leaves out the requests that were never answered and have no effect in the longest text: each text is unique. */
const withoutLost = (history: History.History<KeyValue.Operation, string>) => {
  const results = history.map(({ returned }) => returned?.result ?? "")
  const last = results.reduce((longest, text) => (text.length > longest.length ? text : longest), "")
  return history.filter(
    ({ op, returned }) => returned !== undefined || (op._tag === "Append" && last.includes(op.text))
  )
}

const append = (name: string, count: number) => ({ _tag: "Append", key: "k", text: `${name[0]}${count} ` }) as const

/** Checks the servers; a bug makes it fail. */
export const check = (bug?: Bug, options: SimCheck.Options = {}) =>
  SimCheck.check(scenario(bug), {
    ...{
      generate: RaftPlan.generate,
      dissectors: [RaftDissector.dissector],
      sometimes: bug === undefined ? sometimes : []
    },
    ...options
  })
