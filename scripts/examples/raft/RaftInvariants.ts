/** The five properties of Figure 3 of the Raft paper, checked on each new state of each server of a run. */
import type * as Raft from "./Raft.ts"
import * as Log from "./RaftLog.ts"

/** A property of Raft does not hold: the implementation is wrong. */
export class PropertyBroken extends Error {
  override readonly name = "PropertyBroken"
}

/** The checks of a run, and what they have seen. */
export interface Invariants {
  /** Begins with a server that starts; the result throws `PropertyBroken` if a state breaks a property. */
  readonly observe: () => (state: Raft.State) => void
  /** Numbers of things that happened, for `sometimes`. */
  readonly seen: { leaders: number; uncommitted: number; truncations: number; snapshots: number; memberships: number }
}

/** Creates the checks of one run. */
export const make = (): Invariants => {
  const leaders = new Map<number, string>()
  /** Entries by index and term, each with the term before it: equal ones have equal logs before them. */
  const entries = new Map<string, string>()
  /** Committed entries: their term, and the term of the server that first knew. */
  const committed = new Map<number, { readonly term: number; readonly inTerm: number }>()
  const seen = { leaders: 0, uncommitted: 0, truncations: 0, snapshots: 0, memberships: 0 }

  const electionSafety = ({ id, role, term }: Raft.State) => {
    if (role !== "leader") return
    const other = leaders.get(term)
    if (other === undefined) seen.leaders++
    if (other !== undefined && other !== id) broken(`election safety: ${other} and ${id} lead term ${term}`)
    leaders.set(term, id)
  }

  const leaderAppendOnly = ({ id, log, role, term }: Raft.State, before: Raft.State | undefined) => {
    const isSame = before?.role === "leader" && role === "leader" && before.term === term
    if (isSame && Log.lastIndex(log) < Log.lastIndex(before.log)) {
      broken(`leader append-only: ${id} removed entries of its log in term ${term}`)
    }
  }

  const logMatching = ({ id, log }: Raft.State, before: Raft.State | undefined) => {
    if (before?.log === log) return
    log.entries.forEach(({ command, term }, offset) => {
      const index = log.snapshot.index + 1 + offset
      const key = `${index}@${term}`
      const value = `${Log.termAt(log, index - 1)} ${JSON.stringify(command)}`
      const known = entries.get(key)
      if (known !== undefined && known !== value) broken(`log matching: ${id} has ${key} as ${value}, not ${known}`)
      entries.set(key, value)
      if (command._tag === "Members" && known === undefined) seen.memberships++
    })
    if (before === undefined) return
    if (log.snapshot.index > before.log.snapshot.index) seen.snapshots++
    const at = Math.max(log.snapshot.index, Math.min(Log.lastIndex(before.log), Log.lastIndex(log)))
    if (Log.termAt(before.log, at) !== Log.termAt(log, at) || Log.lastIndex(log) < Log.lastIndex(before.log)) {
      seen.truncations++
    }
  }

  const leaderCompleteness = ({ id, log, role, term }: Raft.State, before: Raft.State | undefined) => {
    if (role !== "leader" || before?.role === "leader") return
    if (before !== undefined && Log.lastIndex(before.log) > before.commit) seen.uncommitted++
    for (const [index, { inTerm, term: entryTerm }] of committed) {
      if (inTerm >= term || index <= log.snapshot.index || Log.termAt(log, index) === entryTerm) continue
      broken(`leader completeness: ${id} leads term ${term} without entry ${index}, committed in term ${inTerm}`)
    }
  }

  /** Figure 2: the commit index of a server that runs grows. */
  const commitGrows = ({ commit, id }: Raft.State, before: Raft.State | undefined) => {
    if (before !== undefined && commit < before.commit)
      broken(`commit of ${id} went back from ${before.commit} to ${commit}`)
  }

  const stateMachineSafety = ({ commit, id, log, term }: Raft.State, before: Raft.State | undefined) => {
    for (let index = Math.max(before?.commit ?? 0, log.snapshot.index) + 1; index <= commit; index++) {
      const entryTerm = Log.termAt(log, index)
      if (entryTerm === undefined)
        broken(`state machine safety: ${id} committed entry ${index}, which it does not have`)
      const known = committed.get(index)
      if (known === undefined) committed.set(index, { term: entryTerm!, inTerm: term })
      else if (known.term !== entryTerm) {
        broken(
          `state machine safety: ${id} committed entry ${index} of term ${entryTerm}, others that of term ${known.term}`
        )
      }
    }
  }

  const checks = [electionSafety, leaderAppendOnly, logMatching, leaderCompleteness, commitGrows, stateMachineSafety]
  return {
    seen,
    observe: () => {
      let before: Raft.State | undefined
      return (state) => {
        for (const check of checks) check(state, before)
        before = state
      }
    }
  }
}

const broken = (message: string): never => {
  throw new PropertyBroken(message)
}
