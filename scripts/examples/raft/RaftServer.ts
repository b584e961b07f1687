/**
 * A Raft server over UDP, the shell of the state machine. Raft itself repeats what is lost, and ignores what is late.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import { Network } from "effect-inet/network"
import * as Raft from "./Raft.ts"
import type { Bug } from "./RaftBug.ts"
import * as RaftMessage from "./RaftMessage.ts"
import * as RaftStore from "./RaftStore.ts"

export interface Options {
  /** Address of this server as the others see it, `10.0.0.1:5000`. */
  readonly id: string
  /** Members of a new cluster; a server that joins later begins without any. */
  readonly members: ReadonlyArray<string>
  readonly folder?: string | undefined
  /** Interval of a leader's heartbeats; an election timeout is two to four of them. Default 50 ms. */
  readonly heartbeatMillis?: number | undefined
  readonly maxEntries?: number | undefined
  readonly bug?: Bug | undefined
  /** Called at each start; the result is called with each state. For checks. */
  readonly observe?: (() => (state: Raft.State) => void) | undefined
}

/** Runs a server until it is interrupted. Fails if its disk fails: it could break its promises. */
export const serve = Effect.fnUntraced(function* (options: Options) {
  const { bug, folder = "/raft", heartbeatMillis = 50, id, maxEntries, members, observe } = options
  const store = yield* RaftStore.make(folder, members)
  const inbox = yield* Queue.sliding<Raft.Event>(1_024)
  const { port } = RaftMessage.addressOf(id)
  const socket = yield* (yield* Network.Network).udp({ host: "0.0.0.0", port }, (bytes, from) => {
    const message = Option.getOrUndefined(RaftMessage.decode(bytes))
    if (message !== undefined) Queue.offerUnsafe(inbox, { _tag: "Receive", from: RaftMessage.nameOf(from), message })
  })
  const isUnsafe = bug === "sends before the disk has it"
  let state = Raft.make(id, store.stored, { bug, maxEntries })
  const onState = observe?.()
  onState?.(state)
  let dueMillis = 0
  const resetTimeout = Effect.gen(function* () {
    const beats = state.role === "leader" ? 1 : 2 + 2 * (yield* Random.next)
    dueMillis = (yield* Clock.currentTimeMillis) + beats * heartbeatMillis
  })
  yield* resetTimeout
  while (true) {
    const waitMillis = Math.max(0, dueMillis - (yield* Clock.currentTimeMillis))
    const received = yield* Effect.timeoutOption(Queue.take(inbox), waitMillis)
    const event = Option.getOrElse(received, (): Raft.Event => ({ _tag: "Timeout" }))
    const [next, actions] = Raft.step(state, event)
    const isChanged = next.term !== state.term || next.vote !== state.vote || next.log !== state.log
    state = next
    onState?.(state)
    if (isChanged && !isUnsafe) yield* store.write(state)
    for (const action of actions) {
      if (action._tag === "ResetTimeout") yield* resetTimeout
      else yield* Effect.ignore(socket.send(RaftMessage.encode(action.message), RaftMessage.addressOf(action.to)))
    }
    if (isChanged && isUnsafe) yield* store.write(state)
  }
})
