/**
 * Raft as a pure state machine: an event in, the next state and the messages to send out.
 *
 * Sources: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm (Extended Version)", 2014, named
 * "section"; Ongaro, "Consensus: Bridging Theory and Practice", 2014, named "dissertation". Names are those of the
 * papers.
 */
import * as KeyValue from "./KeyValue.ts"
import type { Bug } from "./RaftBug.ts"
import * as Log from "./RaftLog.ts"
import type { Message } from "./RaftMessage.ts"

/** A read waits until a majority answers `round`, and the entries up to `index` are applied. */
interface Read {
  readonly client: string
  readonly request: KeyValue.Request
  readonly index: number
  readonly round: number
}

/** Knowledge of a leader about another server; `round` is the last one that it answered. */
interface Progress {
  readonly next: number
  readonly match: number
  readonly round: number
}

/** State of a server. Of these, `term`, `vote` and `log` must be on the disk before a message is sent. */
export interface State {
  readonly id: string
  readonly bug: Bug | undefined
  /** Applied entries after which the log is replaced by a snapshot. */
  readonly maxEntries: number
  readonly term: number
  readonly vote: string | null
  readonly log: Log.Log
  readonly role: "follower" | "precandidate" | "candidate" | "leader"
  /** The leader of the term, if known. */
  readonly leader: string | null
  readonly votes: ReadonlySet<string>
  readonly commit: number
  readonly applied: number
  readonly machine: KeyValue.State
  readonly progress: ReadonlyMap<string, Progress>
  readonly round: number
  readonly reads: ReadonlyArray<Read>
  /** The clients to answer when the entry at an index is applied. */
  readonly waiting: ReadonlyMap<number, string>
}

export type Event =
  /** No message of a leader came for the election timeout; for a leader: it is time for a heartbeat. */
  { readonly _tag: "Timeout" } | { readonly _tag: "Receive"; readonly from: string; readonly message: Message }

export type Action =
  | { readonly _tag: "Send"; readonly to: string; readonly message: Message }
  /** The election timeout begins anew. */
  | { readonly _tag: "ResetTimeout" }

type Step = readonly [State, ReadonlyArray<Action>]
type MessageOf<Tag extends Message["_tag"]> = Extract<Message, { readonly _tag: Tag }>

const send = (to: string, message: Message): Action => ({ _tag: "Send", to, message })
const resetTimeout: Action = { _tag: "ResetTimeout" }

const andThen = ([state, actions]: Step, next: (state: State) => Step): Step => {
  const [after, more] = next(state)
  return [after, [...actions, ...more]]
}

/** Most entries of one message. */
const maxBatchEntries = 16

export const make = (
  id: string,
  stored: Pick<State, "term" | "vote" | "log">,
  { bug, maxEntries = 16 }: { readonly bug?: Bug | undefined; readonly maxEntries?: number | undefined } = {}
): State => ({
  ...{ id, bug, maxEntries, ...stored, role: "follower", leader: null, votes: new Set() },
  ...{ commit: stored.log.snapshot.index, applied: stored.log.snapshot.index, machine: stored.log.snapshot.machine },
  ...{ progress: new Map(), round: 0, reads: [], waiting: new Map() }
})

const othersOf = ({ id, log }: State) => Log.membersOf(log).filter((member) => member !== id)

/** Returns true if more than half of the members are among these. */
const isMajority = ({ log }: State, servers: ReadonlySet<string>) => {
  const members = Log.membersOf(log)
  return 2 * members.filter((member) => servers.has(member)).length > members.length
}

const follow = (state: State, term: number, leader: string | null): State => ({
  ...state,
  ...{ role: "follower", term, leader, vote: term > state.term ? null : state.vote },
  ...{ reads: [], waiting: new Map(), votes: new Set() }
})

/** Asks for votes, first without a new term, so that a server that was cut off does not disturb a leader. */
const campaign = (state: State, isPre: boolean): Step => {
  const term = state.term + 1
  const voting: State = {
    ...(isPre ? { ...state, role: "precandidate" } : { ...state, role: "candidate", term, vote: state.id }),
    ...{ leader: null, votes: new Set([state.id]) }
  }
  const message: Message = {
    ...{ _tag: "RequestVote", term, isPre },
    ...{ lastIndex: Log.lastIndex(state.log), lastTerm: Log.lastTerm(state.log) }
  }
  return andThen([voting, [resetTimeout, ...othersOf(state).map((other) => send(other, message))]], countVotes)
}

const countVotes = (state: State): Step => {
  if (!isMajority(state, state.votes)) return [state, []]
  if (state.role === "precandidate") return campaign(state, false)
  const start = { next: Log.lastIndex(state.log) + 1, match: 0, round: 0 }
  const progress = new Map(othersOf(state).map((other) => [other, start] as const))
  const leading: State = { ...state, role: "leader", leader: state.id, progress }
  return state.bug === "commits entries of earlier terms" ? broadcast(leading) : append(leading, { _tag: "Noop" })
}

/** Appends an entry as the leader, and sends it. */
const append = (state: State, command: Log.Command): Step => {
  const index = Log.lastIndex(state.log) + 1
  const log = Log.replaceFrom(state.log, index, [{ term: state.term, command }])
  return andThen(broadcast({ ...state, log }), advanceCommit)
}

/** Sends each other server what it lacks, or a heartbeat. */
const broadcast = (state: State): Step => {
  const others = othersOf(state)
  const start = { next: Log.lastIndex(state.log) + 1, match: 0, round: 0 }
  const progress = new Map(others.map((other) => [other, state.progress.get(other) ?? start] as const))
  const next = { ...state, progress, round: state.round + 1 }
  return [next, [resetTimeout, ...others.map((other) => send(other, nextFor(next, other)))]]
}

const nextFor = ({ commit, log, progress, round, term }: State, other: string): Message => {
  const { next } = progress.get(other)!
  const previousTerm = Log.termAt(log, next - 1)
  if (previousTerm === undefined) return { _tag: "Install", term, round, snapshot: log.snapshot }
  const entries = Log.entriesFrom(log, next, maxBatchEntries)
  return { _tag: "Append", term, round, previousIndex: next - 1, previousTerm, entries, commit }
}

/** Commits what a majority has, if the last of it is of the leader's own term (Figure 8). */
const advanceCommit = (state: State): Step => {
  const { bug, commit, id, log, progress, term } = state
  const has = (index: number) =>
    new Set([id, ...[...progress].flatMap(([other, { match }]) => (match >= index ? [other] : []))])
  const isCommitted = (index: number) =>
    (Log.termAt(log, index) === term || bug === "commits entries of earlier terms") && isMajority(state, has(index))
  let index = Log.lastIndex(log)
  while (index > commit && !isCommitted(index)) index--
  return index > commit ? applyTo({ ...state, commit: index }) : [state, []]
}

/** Applies committed entries and answers their clients, then the reads that waited for them. */
const applyTo = (state: State): Step => {
  let { applied, log, machine } = state
  const waiting = new Map(state.waiting)
  const actions: Array<Action> = []
  while (applied < state.commit) {
    const { command } = Log.entryAt(log, ++applied)!
    const client = waiting.get(applied)
    waiting.delete(applied)
    if (command._tag !== "Request") continue
    const [next, reply] = KeyValue.apply(machine, command.request)
    machine = next
    if (client !== undefined) actions.push(send(client, { _tag: "Reply", serial: command.request.serial, reply }))
  }
  if (applied - log.snapshot.index >= state.maxEntries) log = Log.compact(log, applied, machine)
  return andThen([{ ...state, applied, log, machine, waiting }, actions], leaveIfRemoved)
}

/** A leader that is no longer a member leads until that is committed (dissertation, section 4.2.2). */
const leaveIfRemoved = (state: State): Step => {
  const isRemoved = !Log.membersOf(state.log).includes(state.id) && Log.membersIndex(state.log) <= state.commit
  return state.role === "leader" && isRemoved ? [follow(state, state.term, null), []] : answerReads(state)
}

const answerReads = (state: State): Step => {
  const answered = (round: number) =>
    new Set([state.id, ...[...state.progress].flatMap(([other, one]) => (one.round >= round ? [other] : []))])
  const isReady = ({ index, round }: Read) => index <= state.applied && isMajority(state, answered(round))
  const replies = state.reads
    .filter(isReady)
    .map(({ client, request: { operation, serial } }) =>
      send(client, { _tag: "Reply", serial, reply: KeyValue.get(state.machine, operation.key) })
    )
  return [{ ...state, reads: state.reads.filter((read) => !isReady(read)) }, replies]
}

const isOwnTermCommitted = ({ commit, log, term }: State) => Log.termAt(log, commit) === term

const handlers: {
  readonly [Tag in Message["_tag"]]: (state: State, message: MessageOf<Tag>, from: string) => Step
} = {
  RequestVote: (state, { isPre, lastIndex, lastTerm, term }, from) => {
    const ownTerm = Log.lastTerm(state.log)
    const isUpToDate = lastTerm > ownTerm || (lastTerm === ownTerm && lastIndex >= Log.lastIndex(state.log))
    const isFree = isPre
      ? term > state.term && state.leader === null
      : term === state.term && (state.vote === null || state.vote === from)
    const isGranted = isUpToDate && isFree
    const vote = send(from, { _tag: "Vote", term: isPre && isGranted ? term : state.term, isPre, isGranted })
    return isGranted && !isPre ? [{ ...state, vote: from }, [vote, resetTimeout]] : [state, [vote]]
  },
  Vote: (state, { isGranted, isPre, term }, from) => {
    const isCurrent = isPre
      ? state.role === "precandidate" && term === state.term + 1
      : state.role === "candidate" && term === state.term
    return isGranted && isCurrent ? countVotes({ ...state, votes: new Set([...state.votes, from]) }) : [state, []]
  },
  Append: (state, message, from) => {
    const { commit, entries, previousIndex, previousTerm, round, term } = message
    const answer = (isOk: boolean, index: number) =>
      send(from, { _tag: "Appended", term: state.term, round, isOk, index })
    if (term < state.term) return [state, [answer(false, Log.lastIndex(state.log))]]
    const following = follow(state, term, from)
    // Entries up to the commit are equal in all logs; a snapshot may be in their place.
    const skipped = Math.max(0, Log.lastIndex({ snapshot: state.log.snapshot, entries: [] }) - previousIndex)
    const isKnown = skipped > 0 || Log.termAt(state.log, previousIndex) === previousTerm
    if (!isKnown)
      return [following, [resetTimeout, answer(false, Math.min(previousIndex - 1, Log.lastIndex(state.log)))]]
    const log = merge(state, previousIndex + skipped, entries.slice(skipped))
    const last = previousIndex + Math.max(skipped, entries.length)
    const next = { ...following, log, commit: Math.max(state.commit, Math.min(commit, last)) }
    return andThen([next, [resetTimeout, answer(true, last)]], applyTo)
  },
  Install: (state, { round, snapshot, term }, from) => {
    const { index, machine } = snapshot
    const answer = send(from, { _tag: "Appended", term: Math.max(term, state.term), round, isOk: true, index })
    if (term < state.term) return [state, [answer]]
    const following = follow(state, term, from)
    if (index <= state.commit && state.bug !== "installs old snapshots") return [following, [resetTimeout, answer]]
    const entries = Log.termAt(state.log, index) === snapshot.term ? Log.entriesFrom(state.log, index + 1) : []
    const log = { snapshot, entries }
    return [{ ...following, log, commit: index, applied: index, machine }, [resetTimeout, answer]]
  },
  Appended: (state, { index, isOk, round, term }, from) => {
    const known = state.progress.get(from)
    if (state.role !== "leader" || term !== state.term || known === undefined) return [state, []]
    const match = isOk ? Math.max(known.match, index) : known.match
    const next = isOk ? Math.max(known.next, match + 1) : Math.max(match + 1, Math.min(known.next - 1, index + 1))
    const progress = new Map(state.progress).set(from, { match, next, round: Math.max(known.round, round) })
    const updated = { ...state, progress }
    const isBehind = next !== known.next && next <= Log.lastIndex(state.log)
    return andThen(andThen([updated, isBehind ? [send(from, nextFor(updated, from))] : []], advanceCommit), answerReads)
  },
  Submit: (state, { request }, from) => {
    if (state.role !== "leader") return [state, [send(from, { _tag: "NotLeader", leader: state.leader })]]
    if (request.operation._tag === "Append") {
      const waiting = new Map(state.waiting).set(Log.lastIndex(state.log) + 1, from)
      return append({ ...state, waiting }, { _tag: "Request", request })
    }
    const read = { client: from, request, index: state.commit, round: state.round + 1 }
    if (state.bug === "reads without asking the others")
      return answerReads({ ...state, reads: [{ ...read, round: 0 }] })
    // Until an entry of its term is committed, a leader does not know what is committed (section 8).
    if (!isOwnTermCommitted(state)) return [state, []]
    return andThen(broadcast({ ...state, reads: [...state.reads, read] }), answerReads)
  },
  Change: (state, { isMember, server }, from) => {
    if (state.role !== "leader") return [state, [send(from, { _tag: "NotLeader", leader: state.leader })]]
    // One change at a time, and only after an entry of the own term (Ongaro, raft-dev, 10 July 2015).
    const isPending = Log.membersIndex(state.log) > state.commit
    const others = Log.membersOf(state.log).filter((member) => member !== server)
    const members = isMember ? [...others, server] : others
    const isSame = members.length === Log.membersOf(state.log).length
    if (isPending || !isOwnTermCommitted(state) || isSame || members.length === 0) return [state, []]
    return append(state, { _tag: "Members", members })
  },
  Reply: (state) => [state, []],
  NotLeader: (state) => [state, []]
}

/** Adds the entries of a leader after `previousIndex`: only a conflict removes entries (section 5.3). */
const merge = ({ bug, log }: State, previousIndex: number, entries: ReadonlyArray<Log.Entry>): Log.Log => {
  if (bug === "truncates at each append") return Log.replaceFrom(log, previousIndex + 1, entries)
  const at = entries.findIndex(({ term }, offset) => Log.termAt(log, previousIndex + 1 + offset) !== term)
  return at < 0 ? log : Log.replaceFrom(log, previousIndex + 1 + at, entries.slice(at))
}

/** Returns the state after an event, and what the server has to do once the state is on its disk. */
export const step = (state: State, event: Event): Step => {
  if (event._tag === "Timeout") return state.role === "leader" ? broadcast(state) : campaignIfMember(state)
  const { from, message } = event
  // A term that is only proposed is not one yet.
  const isProposed = "isPre" in message && message.isPre && (message._tag === "RequestVote" || message.isGranted)
  const isNews = "term" in message && message.term > state.term && !isProposed
  const current = isNews ? follow(state, message.term, null) : state
  const handler = handlers[message._tag] as (state: State, message: Message, from: string) => Step
  return handler(current, message, from)
}

/** A removed server campaigns until its removal is committed, which may need it (dissertation, section 4.2.2). */
const campaignIfMember = (state: State): Step => {
  const isMember = Log.membersOf(state.log).includes(state.id) || Log.membersIndex(state.log) > state.commit
  return isMember ? campaign(state, true) : [state, [resetTimeout]]
}
