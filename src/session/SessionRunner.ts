/**
 * One client's conversation while it lasts: who may step the session when, and who waits.
 *
 * One fiber waits for the next line and does what follows from it. What comes from elsewhere (a push, a tick) is
 * handled by a fiber that lives no longer than that takes; flags keep the two from stepping the session at the same
 * time, so that a client who only sends lines pays for no queue, lock or timer.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { LineError } from "../network/Line.ts"
import type * as Network from "../network/Network.ts"
import type { ClientConnection, StateHolder } from "./StateHolder.ts"
import * as Framer from "./Framer.ts"
import type { Input, Output, Shared } from "./Session.ts"

/** Pushes that a client has not been told yet; one that is further behind is cut. */
const maxPendingPushes = 256

/** Bytes that a client has not taken yet; one that is pushed more is cut. */
const maxUnsentBytes = 256 * 1_024

/** Lines a second. */
const defaultLinesPerSecond = 200

const millisPerSecond = 1_000

/** A step that was taken, or why there can be no more: the client is gone, or the session is over. */
type StepEffect = Effect.Effect<void, Network.NetworkError | Cause.Done>

/** A server holds thousands of these: hence a class, and nothing made before it is needed. */
export class SessionRunner<Ask, Message> {
  private readonly clientConnection: ClientConnection
  private readonly framer: Framer.Framer
  private readonly shared: Shared<Ask, Message> | undefined
  private readonly stateHolder: StateHolder<Ask, Message>
  private readonly scope: Scope.Scope
  private readonly context: Context.Context<never>
  /** Lines that may come at once, and since when there are so many. */
  private tokens: number
  private refilledAtMillis: number
  /** Somebody steps the session; somebody asks; somebody brings what is pending. */
  private stepping = false
  private asking = false
  private delivering = false
  /** The session has closed; the last input has come; the client is behind. */
  private closed = false
  private stopping = false
  private overflowed = false
  /** Why what was done aside came to nothing: the reader finds out when it is woken. */
  private failure: Cause.Cause<Network.NetworkError | Cause.Done> | undefined
  private answer: ((ask: Ask) => Effect.Effect<Message>) | undefined
  private pendingAsks: Array<Ask> | undefined
  private pendingInputs: Array<Input<Message>> | undefined
  private waiters: Array<() => void> | undefined
  private fibers: Set<Fiber.Fiber<unknown, unknown>> | undefined

  constructor(
    clientConnection: ClientConnection,
    framer: Framer.Framer,
    shared: Shared<Ask, Message> | undefined,
    stateHolder: StateHolder<Ask, Message>,
    scope: Scope.Scope,
    context: Context.Context<never>
  ) {
    this.clientConnection = clientConnection
    this.framer = framer
    this.shared = shared
    this.stateHolder = stateHolder
    this.scope = scope
    this.context = context
    this.tokens = clientConnection.rate ?? defaultLinesPerSecond
    this.refilledAtMillis = clientConnection.sweeper.now()
  }

  /** From the greeting to the end; whether the client may still be sending. */
  get run(): Effect.Effect<boolean> {
    this.stepping = true
    const opened = Effect.flatMap(this.stateHolder.open(this.perform), this.afterStep)
    const lines = Effect.forever(Effect.flatMap(this.framer.next, this.limitRate), { disableYield: true })
    return Effect.catchCause(Effect.andThen(opened, lines), (cause) => {
      const reason = this.failure ?? cause
      if (Cause.hasDies(reason) || Cause.hasInterrupts(reason)) return Effect.failCause(reason as Cause.Cause<never>)
      if (this.closed) return Effect.succeed(true)
      const error = Cause.squash(reason)
      return this.finish(error instanceof LineError ? { _tag: "FramingError", message: error.message } : { _tag: "Closed" })
    })
  }

  /** Ends what is done aside. */
  stop() {
    this.stopping = true
    if (this.fibers !== undefined) for (const fiber of this.fibers) fiber.interruptUnsafe()
  }

  tick() {
    if (this.closed || this.stopping || this.overflowed || this.pendingInputs?.some(({ _tag }) => _tag === "Tick")) return
    this.enqueue({ _tag: "Tick" })
  }

  /** The time is looked at only when the lines of a second are used up; who is ahead of it waits. */
  private readonly limitRate = (text: string): StepEffect => {
    const { rate = defaultLinesPerSecond, sweeper } = this.clientConnection
    if (this.tokens < 1) {
      const now = sweeper.now()
      this.tokens = Math.min(rate, this.tokens + ((now - this.refilledAtMillis) * rate) / millisPerSecond)
      this.refilledAtMillis = now
    }
    this.tokens -= 1
    if (this.tokens >= 0) return this.handleLine(text)
    const line = Effect.suspend(() => this.handleLine(text))
    return Effect.andThen(Effect.sleep((-this.tokens * millisPerSecond) / rate), line)
  }

  private handleLine(text: string): StepEffect {
    if (this.failure !== undefined) return Effect.failCause(this.failure)
    if (this.closed) return Framer.done
    if (this.stepping || this.asking) return Effect.flatMap(this.whenIdle, () => this.handleLine(text))
    return Effect.flatMap(this.step({ _tag: "Line", text }), this.afterStep)
  }

  private step(input: Input<Message>): StepEffect {
    if (this.closed) return Framer.done
    if (this.stepping) return Effect.flatMap(this.stateChange, () => this.step(input))
    this.stepping = true
    return this.stateHolder.receive(input, this.perform)
  }

  private readonly perform = (output: Output<Ask>): Effect.Effect<void, Network.NetworkError> => {
    if (output.text === undefined || output.text === "") return this.endStep(output)
    return Effect.matchCauseEffect(this.clientConnection.connection.write(this.framer.encode(output.text)), {
      onSuccess: () => this.endStep(output),
      onFailure: (cause) => {
        if (this.stopping) return this.endStep(output)
        this.stepping = false
        this.wake()
        return Effect.failCause(cause)
      }
    })
  }

  private endStep(output: Output<Ask>): Effect.Effect<void> {
    this.stepping = false
    if (output.close) this.closed = true
    if (output.ask !== undefined) {
      this.pendingAsks ??= []
      this.pendingAsks.push(output.ask)
    }
    this.wake()
    return Effect.void
  }

  private wake() {
    if (this.waiters === undefined) return
    const waiters = this.waiters
    this.waiters = undefined
    for (const waiter of waiters) waiter()
  }

  /** Waits until somebody has stepped, or all questions are answered. */
  private get stateChange(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.waiters ??= []
      this.waiters.push(() => resume(Effect.void))
    })
  }

  private get whenIdle(): Effect.Effect<void> {
    return Effect.suspend(() =>
      (this.stepping || this.asking) && this.failure === undefined && !this.closed
        ? Effect.flatMap(this.stateChange, () => this.whenIdle)
        : Effect.void
    )
  }

  /** After a step: puts its question, unless somebody puts questions already. */
  private readonly afterStep = (): StepEffect => {
    if (this.closed) return Framer.done
    if (this.asking || !this.pendingAsks?.length) return Effect.void
    this.asking = true
    return this.answerPendingAsks
  }

  /** Puts all questions there are, and those that follow from the answers. */
  private get answerPendingAsks(): StepEffect {
    return Effect.suspend(() => {
      if (this.closed) return Framer.done
      const ask = this.pendingAsks?.shift()
      if (ask !== undefined) {
        const answered = Effect.flatMap(this.answerAsk(ask), (message) => this.step({ _tag: "Message", message }))
        return Effect.flatMap(answered, () => this.answerPendingAsks)
      }
      this.asking = false
      this.wake()
      return Effect.void
    })
  }

  private answerAsk(ask: Ask): Effect.Effect<Message> {
    if (this.answer !== undefined) return this.answer(ask)
    if (this.shared === undefined)
      return Effect.die(new Error("the session asks, but nothing is shared: give `shared`"))
    const attached = this.shared.attach(this.clientConnection.client, (message) => this.push(message))
    return Effect.flatMap(Scope.provide(attached, this.scope), (answer) => {
      this.answer = answer
      return answer(ask)
    })
  }

  private push(message: Message) {
    const { client, connection } = this.clientConnection
    if (this.closed || this.stopping || this.overflowed) return
    const isOverLimit = (this.pendingInputs?.length ?? 0) >= maxPendingPushes || connection.traffic().unsent > maxUnsentBytes
    if (!isOverLimit) return this.enqueue({ _tag: "Message", message })
    this.overflowed = true
    this.pendingInputs = undefined
    const logged = Effect.logInfo(`client ${client.id} does not read what it is told: cut`)
    this.fork(Effect.andThen(logged, connection.abort))
  }

  private enqueue(input: Input<Message>) {
    this.pendingInputs ??= []
    this.pendingInputs.push(input)
    if (this.delivering) return
    this.delivering = true
    this.forkReported(this.deliver)
  }

  private get deliver(): StepEffect {
    return Effect.suspend(() => {
      const input = this.pendingInputs?.shift()
      if (input === undefined) {
        this.delivering = false
        return Effect.void
      }
      return Effect.flatMap(this.step(input), () => {
        if (this.closed) return Framer.done
        if (!this.asking && this.pendingAsks?.length) this.forkReported(this.afterStep())
        return this.deliver
      })
    })
  }

  /** Its failure wakes the reader, as the end of input does: a defect is the reader's to report. */
  private forkReported(effect: StepEffect) {
    this.fork(
      Effect.onError(effect, (cause) => {
        if (Cause.hasInterruptsOnly(cause)) return Effect.void
        this.failure ??= cause
        this.wake()
        return this.clientConnection.connection.endRead
      })
    )
  }

  private fork(effect: Effect.Effect<unknown, unknown>) {
    const fiber = Effect.runForkWith(this.context)(effect)
    this.fibers ??= new Set()
    const { fibers } = this
    fibers.add(fiber)
    fiber.addObserver(() => fibers.delete(fiber))
  }

  private finish(input: Input<Message>): Effect.Effect<boolean> {
    return Effect.flatMap(this.whenIdle, () => {
      if (this.closed) return Effect.succeed(true)
      this.stopping = true
      this.stepping = false
      const lastAsk = Effect.suspend((): Effect.Effect<unknown> => {
        const ask = this.pendingAsks?.shift()
        return ask === undefined ? Effect.void : this.answerAsk(ask)
      })
      return Effect.as(Effect.andThen(Effect.ignore(this.step(input)), lastAsk), input._tag === "FramingError")
    })
  }
}
