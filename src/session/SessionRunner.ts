/**
 * Runs the session of one client: serializes its steps, and holds back lines and asks that must wait.
 *
 * One fiber, the reader, waits for the next line and handles it. Pushes and ticks are handled by a fiber that ends when
 * none is left. Flags keep the two from stepping the session at the same time, so that a client that only sends lines
 * costs neither a queue nor a lock nor a timer.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { LineError } from "../network/Line.ts"
import type * as Network from "../network/Network.ts"
import type { ClientConnection, ClientStateHolder } from "./ClientStateHolder.ts"
import * as Framer from "./Framer.ts"
import type { Input, Output, Shared } from "./Session.ts"

/** Maximum number of undelivered pushes of a client; one more disconnects it. */
const maxPendingPushes = 256

/** Maximum size of a send buffer at a push; a client above it is disconnected. */
const maxUnsentBytes = 256 * 1_024

const defaultLinesPerSecond = 200

const millisPerSecond = 1_000

/** Succeeds after a step; fails when the client is gone or the session has closed. */
type StepEffect = Effect.Effect<void, Network.NetworkError | Cause.Done>

/** A class whose collections are created on first use, because a server holds thousands of instances. */
export class SessionRunner<Ask, Message> {
  private readonly clientConnection: ClientConnection
  private readonly framer: Framer.Framer
  private readonly shared: Shared<Ask, Message> | undefined
  private readonly stateHolder: ClientStateHolder<Ask, Message>
  private readonly scope: Scope.Scope
  private readonly context: Context.Context<never>
  /** Token bucket of lines, and the time of its last refill. */
  private tokens: number
  private refilledAtMillis: number
  /** A fiber steps the session. */
  private stepping = false
  /** A fiber makes asks to the shared state. */
  private asking = false
  /** A fiber delivers pending inputs. */
  private delivering = false
  /** The session has returned `close`. */
  private closed = false
  /** The last input is being handled, or the runner was stopped. */
  private stopping = false
  /** The client exceeded a limit for pushes. */
  private overflowed = false
  /** Failure of a background fiber, for the reader to report after it was woken. */
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
    stateHolder: ClientStateHolder<Ask, Message>,
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

  /** Runs the session from its greeting to its end. Returns whether the client may still be sending. */
  get run(): Effect.Effect<boolean> {
    this.stepping = true
    const opened = Effect.flatMap(this.stateHolder.open(this.perform), this.afterStep)
    const lines = Effect.forever(Effect.flatMap(this.framer.next, this.limitRate), { disableYield: true })
    return Effect.catchCause(Effect.andThen(opened, lines), (cause) => {
      const reason = this.failure ?? cause
      if (Cause.hasDies(reason) || Cause.hasInterrupts(reason)) return Effect.failCause(reason as Cause.Cause<never>)
      if (this.closed) return Effect.succeed(true)
      const error = Cause.squash(reason)
      return this.finish(
        error instanceof LineError ? { _tag: "FramingError", message: error.message } : { _tag: "Closed" }
      )
    })
  }

  /** Interrupts the background fibers. */
  stop() {
    this.stopping = true
    if (this.fibers !== undefined) for (const fiber of this.fibers) fiber.interruptUnsafe()
  }

  tick() {
    if (this.closed || this.stopping || this.overflowed || this.pendingInputs?.some(({ _tag }) => _tag === "Tick"))
      return
    this.enqueue({ _tag: "Tick" })
  }

  /** Delays a line that exceeds the rate. Reads the time only when the bucket is empty. */
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

  /** Waits for the end of a step, or for the last answer. */
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

  /** Makes the asks of a step, unless another fiber is already making asks. */
  private readonly afterStep = (): StepEffect => {
    if (this.closed) return Framer.done
    if (this.asking || !this.pendingAsks?.length) return Effect.void
    this.asking = true
    return this.answerPendingAsks
  }

  /** Makes all pending asks, and those that the answers cause. */
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
      return Effect.die(new Error("the session returned `ask`, but the program defines no `shared` state"))
    const attached = this.shared.attach(this.clientConnection.client, (message) => this.push(message))
    return Effect.flatMap(Scope.provide(attached, this.scope), (answer) => {
      this.answer = answer
      return answer(ask)
    })
  }

  private push(message: Message) {
    const { client, connection } = this.clientConnection
    if (this.closed || this.stopping || this.overflowed) return
    const isOverLimit =
      (this.pendingInputs?.length ?? 0) >= maxPendingPushes || connection.traffic().unsent > maxUnsentBytes
    if (!isOverLimit) return this.enqueue({ _tag: "Message", message })
    this.overflowed = true
    this.pendingInputs = undefined
    const limits = `${maxPendingPushes} pending pushes, ${maxUnsentBytes / 1_024} KiB unsent`
    const logged = Effect.logInfo(`client ${client.id} disconnected: it reads too slowly (limits: ${limits})`)
    this.fork(Effect.andThen(logged, connection.abort))
  }

  private enqueue(input: Input<Message>) {
    this.pendingInputs ??= []
    this.pendingInputs.push(input)
    if (this.delivering) return
    this.delivering = true
    this.forkBackground(this.deliver)
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
        if (!this.asking && this.pendingAsks?.length) this.forkBackground(this.afterStep())
        return this.deliver
      })
    })
  }

  /** Forks a background fiber. Its failure wakes the reader as the end of input does, so that the reader reports it. */
  private forkBackground(effect: StepEffect) {
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
