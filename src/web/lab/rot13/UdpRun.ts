/**
 * The client of rot13 over UDP: it sends a datagram for each message and waits for its reply for a while. It repeats
 * nothing, so that a lost datagram stays lost.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Network from "../../../network/Network.ts"
import * as Rot13 from "../../../rot13/Rot13.ts"
import type * as SimHost from "../../../simulation/network/SimHost.ts"
import type * as Recorder from "../Recorder.ts"
import * as Scenario from "../Scenario.ts"
import * as TimedQueue from "../TimedQueue.ts"
import type { Remark } from "../Trace.ts"

/** Options of a client. */
export interface Options {
  readonly server: { readonly address: string; readonly port: number }
  readonly messages: ReadonlyArray<string>
  readonly isAtOnce: boolean
  /** Time that the client waits for a reply. */
  readonly patienceMillis: number
  readonly recorder: Pick<Recorder.Recorder<unknown>, "remark" | "state">
}

const encode = (text: string) => new TextEncoder().encode(text)

/** Knowledge of the client: the messages sent, and the replies that have come. */
interface State {
  readonly sent: number
  /** Number of replies to each message. */
  readonly replies: ReadonlyArray<number>
}

const answered = ({ replies }: State) => replies.filter((count) => count > 0).length

/** Returns the remark on a reply; undefined if it is the awaited one. */
const remarkOf = (state: State, message: number, isAwaited: boolean): readonly [string, Remark["tone"]] | undefined => {
  if (message < 0) return ["a datagram that is not a reply: it is ignored", "warning"]
  if (state.replies[message]! > 0)
    return [`the reply to message ${message + 1} came again: UDP removes no copies`, "plain"]
  return isAwaited
    ? undefined
    : [`the reply to message ${message + 1} is late: the client waits for it no longer`, "plain"]
}

/** Runs the client on a host, to its end. */
export const run = (host: SimHost.SimHost, options: Options): Effect.Effect<Scenario.Ending> =>
  host.run(Effect.orDie(exchange(host.name, options)))

const exchange = Effect.fnUntraced(function* (host: string, options: Options) {
  const { isAtOnce, messages, patienceMillis, recorder, server } = options
  const clock = yield* Clock.Clock
  const replies = yield* TimedQueue.make<Uint8Array>()
  const socket = yield* (yield* Network.Network).udp({ host: "0.0.0.0" }, replies.offer)
  let state: State = { sent: 0, replies: messages.map(() => 0) }

  const show = (atMillis: number, name: string) =>
    recorder.state({
      ...{ atMillis, host, state: name },
      variables: [
        ["messages sent", `${state.sent} of ${messages.length}`],
        ["with a reply", `${answered(state)}`]
      ]
    })
  const send = Effect.fnUntraced(function* (text: string) {
    state = { ...state, sent: state.sent + 1 }
    yield* socket.send(encode(text), server)
  })
  /** Receives replies until `isOver`, or for as long as the client is patient. */
  const receive = Effect.fnUntraced(function* (isAwaited: (message: number) => boolean, isOver: () => boolean) {
    const deadlineMillis = clock.currentTimeMillisUnsafe() + patienceMillis
    while (!isOver()) {
      const bytes = yield* replies.nextBefore(deadlineMillis)
      const atMillis = yield* Scenario.now
      if (bytes === undefined) {
        recorder.remark({ atMillis, host, text: "no reply: UDP repeats nothing, the client goes on", tone: "warning" })
        return
      }
      const message = messages.indexOf(new TextDecoder().decode(Rot13.rotate(bytes)))
      const remark = remarkOf(state, message, isAwaited(message))
      if (remark !== undefined) recorder.remark({ atMillis, host, text: remark[0], tone: remark[1] })
      state = { ...state, replies: state.replies.map((count, index) => count + (index === message ? 1 : 0)) }
      show(atMillis, "received a reply")
    }
  })
  if (isAtOnce) {
    yield* Effect.forEach(messages, send)
    show(yield* Scenario.now, "waiting for all replies")
    yield* receive(
      () => true,
      () => answered(state) === messages.length
    )
  } else {
    for (const [index, text] of messages.entries()) {
      yield* send(text)
      show(yield* Scenario.now, `waiting for the reply to message ${index + 1}`)
      yield* receive(
        (message) => message === index,
        () => state.replies[index]! > 0
      )
    }
  }
  const atMillis = yield* Scenario.now
  show(atMillis, "closed")
  const all = answered(state) === messages.length
  const text = all
    ? `all ${messages.length} messages have a reply`
    : `${answered(state)} of ${messages.length} messages have a reply`
  const ending: Scenario.Ending = { outcome: all ? "done" : "failed", text, atMillis, figures: [] }
  return ending
})
