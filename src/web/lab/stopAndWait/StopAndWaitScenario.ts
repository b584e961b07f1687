/**
 * Stop-and-wait between two hosts: the simplest protocol that repeats lost frames, and why its frames need numbers.
 *
 * The laboratory knows what the machines cannot: which message a frame carries. A remark warns when a machine takes one
 * for another.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Network from "../../../network/Network.ts"
import type * as SimHost from "../../../simulation/network/SimHost.ts"
import * as Link from "../Link.ts"
import * as Recorder from "../Recorder.ts"
import * as Scenario from "../Scenario.ts"
import type { Settings } from "../Settings.ts"
import * as TimedQueue from "../TimedQueue.ts"
import type { Remark } from "../Trace.ts"
import * as Frame from "./Frame.ts"
import * as Receiver from "./Receiver.ts"
import * as Sender from "./Sender.ts"

type Message = Frame.Frame | undefined
type World = Scenario.World<Message>

const port = 2_000

/** Virtual time after which a run is ended: all attempts for each message, at the longest timeout. */
const limitMillis = 150_000

const describe: Scenario.Scenario<Message>["describe"] = ({ bytes }) => {
  const message = Frame.decode(bytes)
  if (message === undefined) return { kind: "DATA", label: Scenario.count(bytes.length, "byte"), message }
  const name = Frame.name(message)
  return { kind: message._tag, label: message._tag === "DATA" ? `${name} "${message.text}"` : name, message }
}

/** Makes the functions that show one machine. */
const makeReporter = (host: string, { recorder }: World) => ({
  state: (atMillis: number, state: string, variables: ReadonlyArray<readonly [string, string]>) =>
    recorder.state({ atMillis, host, state, variables }),
  remark: (atMillis: number, text: string, tone: Remark["tone"] = "plain") =>
    recorder.remark({ atMillis, host, text, tone })
})

/** Returns the remark on a frame that has arrived; undefined if all is as it should be. */
const receiverRemark = (
  frame: Frame.Frame,
  before: ReadonlyArray<string>,
  messages: ReadonlyArray<string>,
  isDelivered: boolean
): readonly [text: string, tone: Remark["tone"]] | undefined => {
  const { text } = frame
  const wasDelivered = before.includes(text)
  if (!isDelivered) {
    return wasDelivered
      ? [`${Frame.name(frame)} came again: acknowledged, not delivered`, "plain"]
      : [`${text} is taken for a repetition, and dropped`, "warning"]
  }
  if (wasDelivered) return [`${text} is delivered a second time`, "warning"]
  const missing = messages.find((one) => !before.includes(one))
  return missing === text ? undefined : [`${text} is delivered, and ${missing} never was`, "warning"]
}

const runReceiver = Effect.fnUntraced(function* (
  host: SimHost.SimHost,
  world: World,
  messages: ReadonlyArray<string>,
  numbering: Frame.Numbering
) {
  const report = makeReporter(host.name, world)
  const clock = yield* Clock.Clock
  let state = Receiver.start(numbering)
  const show = (atMillis: number) =>
    report.state(atMillis, Receiver.name(state), [
      ["delivered", `${state.delivered.length}`],
      ["last message", state.delivered.at(-1) ?? "none"]
    ])
  const remarkOn = (atMillis: number, frame: Frame.Frame, before: ReadonlyArray<string>, isDelivered: boolean) => {
    const remark = receiverRemark(frame, before, messages, isDelivered)
    if (remark !== undefined) report.remark(atMillis, ...remark)
  }
  const open = Effect.flatMap(Network.Network, (network) =>
    Effect.gen(function* () {
      const socket: Network.UdpSocket = yield* network.udp({ host: host.address, port }, (bytes, from) => {
        const frame = Frame.decode(bytes)
        if (frame?._tag !== "DATA") return
        const atMillis = Recorder.millisOf(clock.currentTimeMillisUnsafe() * 1e6)
        const [next, reply, isDelivered] = Receiver.step(state, frame)
        remarkOn(atMillis, frame, state.delivered, isDelivered)
        state = next
        socket.sendUnsafe(Frame.encode(reply), from)
        show(atMillis)
      })
    })
  )
  yield* host.start(Effect.orDie(open))
  show(0)
  return () => state.delivered
})

/** Returns the remark on an event of the sender; undefined if all is as it should be. */
const remarkOf = (
  before: Sender.State,
  verdict: Sender.Verdict,
  ack: Frame.Frame | undefined
): readonly [text: string, tone: Remark["tone"]] | undefined => {
  const frame = Sender.frame(before)
  const sent = frame === undefined ? "" : Frame.name(frame)
  switch (verdict) {
    case "SentAgain":
      return [`timeout: ${sent} is sent again (attempt ${before.attempts + 1})`, "plain"]
    case "GaveUp":
      return [`timeout: ${sent} was sent ${Sender.maxAttempts} times, the sender gives up`, "warning"]
    case "Ignored":
      return ack === undefined ? undefined : [`${Frame.name(ack)} is not the awaited one: it is ignored`, "plain"]
    case "Acknowledged":
      return ack === undefined || ack.text === frame?.text
        ? undefined
        : [`the ACK of ${ack.text} is taken for that of ${frame?.text ?? "another"}`, "warning"]
  }
}

const runSender = Effect.fnUntraced(function* (
  host: SimHost.SimHost,
  remote: string,
  world: World,
  start: Sender.State,
  timeoutMillis: number
) {
  const report = makeReporter(host.name, world)
  const acks = yield* TimedQueue.make<Frame.Frame>()
  const socket = yield* (yield* Network.Network).udp({ host: host.address }, (bytes) => {
    const frame = Frame.decode(bytes)
    if (frame?._tag === "ACK") acks.offer(frame)
  })
  let state = start
  let deadlineMillis = Number.POSITIVE_INFINITY
  const send = Effect.fnUntraced(function* (atMillis: number) {
    const frame = Sender.frame(state)
    if (frame === undefined) return
    deadlineMillis = atMillis + timeoutMillis
    yield* socket.send(Frame.encode(frame), { address: remote, port })
  })
  const show = (atMillis: number) =>
    report.state(atMillis, Sender.name(state), [
      ["message", `${state.message} of ${state.messages.length}`],
      ["sent", Scenario.count(state.attempts, "time")],
      ["timeout", `${timeoutMillis} ms`],
      ["sent again, in all", `${state.resent}`]
    ])
  yield* send(0)
  show(0)
  while (state.phase === "Sending") {
    const ack = yield* acks.nextBefore(deadlineMillis)
    const atMillis = yield* Scenario.now
    const [next, verdict] = Sender.step(
      state,
      ack === undefined ? { _tag: "Timeout" } : { _tag: "Ack", number: ack.number }
    )
    const remark = remarkOf(state, verdict, ack)
    if (remark !== undefined) report.remark(atMillis, ...remark)
    state = next
    if (verdict === "Acknowledged" || verdict === "SentAgain") yield* send(atMillis)
    show(atMillis)
  }
  return state
})

/** Returns the number of messages that were delivered, and of those that were more than once. */
const countsOf = (messages: ReadonlyArray<string>, delivered: ReadonlyArray<string>) => {
  const times = messages.map((message) => delivered.filter((one) => one === message).length)
  return { once: times.filter((count) => count > 0).length, again: times.filter((count) => count > 1).length }
}

/** Returns what came out: whether the receiver has each message once and in order. */
const endingOf = (sender: Sender.State, delivered: ReadonlyArray<string>, atMillis: number): Scenario.Ending => {
  const { messages, phase, resent } = sender
  const { again, once } = countsOf(messages, delivered)
  const figures = [
    ["delivered", `${once} of ${messages.length}`],
    ["delivered more than once", `${again}`],
    ["sent again", `${resent}`]
  ] as const
  const isRight = delivered.length === messages.length && messages.every((one, index) => one === delivered[index])
  if (phase === "Done" && isRight) {
    return {
      outcome: "done",
      text: `all ${messages.length} messages arrived, each once and in order`,
      ...{ atMillis, figures }
    }
  }
  const got = delivered.map((text) => text.replace("message ", "")).join(", ")
  const text =
    phase === "GaveUp"
      ? `the sender gave up at ${messages[sender.message - 1] ?? "the end"}`
      : `wrong: the receiver has the messages ${got}`
  return { outcome: "failed", text, atMillis, figures }
}

/** Makes the scenario. */
export const make = (settings: Settings): Scenario.Scenario<Message> => {
  const { choices, delayMillis } = settings
  const numbering = choices.numbering as Frame.Numbering
  const timeoutMillis = Number(choices.timeout)
  const messages = Array.from({ length: Number(choices.messages) }, (_, index) => `message ${index + 1}`)
  return {
    hosts: ["sender", "receiver"],
    transport: "udp",
    // Late enough that a frame can arrive when the next one with its bit is awaited.
    faults: Link.faults(settings, 2 * timeoutMillis + 6 * delayMillis),
    limitMillis,
    describe,
    observe: Scenario.observeNothing,
    program: Effect.fnUntraced(function* (world: World) {
      const [sender, receiver] = world.hosts
      const delivered = yield* runReceiver(receiver!, world, messages, numbering)
      const start = Sender.start(messages, numbering)
      const end = yield* Effect.orDie(sender!.run(runSender(sender!, receiver!.address, world, start, timeoutMillis)))
      const atMillis = yield* Scenario.now
      // Late frames may still reach the receiver, and be delivered again.
      yield* Effect.sleep(2 * timeoutMillis + 8 * delayMillis + 10)
      return endingOf(end, delivered(), atMillis)
    })
  }
}
