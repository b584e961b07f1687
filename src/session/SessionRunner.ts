/**
 * Runs the session of one client: performs the actions of its `SessionMachine`.
 *
 * One fiber, the reader, reads a line and performs what follows from it. Pushes and ticks are events without a fiber;
 * their actions run in a fiber of their own. A client that only sends lines thus costs neither a queue nor a timer.
 */
import type * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import { LineError } from "../network/Line.ts"
import type * as Network from "../network/Network.ts"
import * as Signal from "../network/Signal.ts"
import * as TokenBucket from "../network/TokenBucket.ts"
import type { ClientConnection, ClientStateHolder } from "./ClientStateHolder.ts"
import * as Framer from "./Framer.ts"
import type { Output, Shared } from "./Session.ts"
import * as SessionMachine from "./SessionMachine.ts"

const defaultLinesPerSecond = 200

/**
 * A class whose collections are created on first use, because a server holds thousands of instances. Each takes 0.6 kB,
 * and 1.2 kB with collections made at once (Node 24).
 */
export class SessionRunner<Ask, Message> {
  private readonly clientConnection: ClientConnection
  private readonly framer: Framer.Framer
  private readonly shared: Shared<Ask, Message> | undefined
  private readonly stateHolder: ClientStateHolder<Ask, Message>
  private readonly scope: Scope.Scope
  private readonly context: Context.Context<never>
  private state: SessionMachine.State<Ask, Message> = SessionMachine.initial
  /** Rate limit of lines. */
  private bucket: TokenBucket.TokenBucket
  /** Wakes the reader when it may read, or when the session has ended. */
  private signal: Signal.Signal | undefined
  private answer: ((ask: Ask) => Effect.Effect<Message>) | undefined
  private fibers: Set<Fiber.Fiber<void>> | undefined
  /** Defect of a background fiber, for the reader to fail with. */
  private defect: Cause.Cause<never> | undefined

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
    this.bucket = TokenBucket.make(clientConnection.rate ?? defaultLinesPerSecond, clientConnection.sweeper.now())
  }

  /** Runs the session from its greeting to its end. Returns whether the client may still be sending. */
  get run(): Effect.Effect<boolean> {
    const lines = Effect.forever(Effect.flatMap(Effect.suspend(this.nextLine), this.limitRate), { disableYield: true })
    return Effect.catch(Effect.andThen(this.stateHolder.open(this.write), lines), (error) =>
      Effect.andThen(
        this.dispatch(
          error instanceof LineError ? { _tag: "FramingError", message: error.message } : { _tag: "Closed" }
        ),
        this.end
      )
    )
  }

  /** Interrupts the background fibers. */
  stop() {
    this.transition({ _tag: "Stopped" })
    if (this.fibers !== undefined) for (const fiber of this.fibers) fiber.interruptUnsafe()
  }

  tick() {
    this.post({ _tag: "Tick" })
  }

  private readonly nextLine = (): Pull.Pull<string, Network.NetworkError | LineError> => {
    if (this.state.phase === "Ended") return Framer.done
    return this.state.isReading ? this.framer.next : Effect.flatMap(this.wakeUp, this.nextLine)
  }

  private get wakeUp(): Effect.Effect<void> {
    this.signal ??= Signal.make()
    return this.signal.wait
  }

  /** Waits for the end of the session. */
  private get end(): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      if (this.defect !== undefined) return Effect.failCause(this.defect)
      return this.state.phase === "Ended"
        ? Effect.succeed(this.state.isSending)
        : Effect.flatMap(this.wakeUp, () => this.end)
    })
  }

  /** Delays a line that exceeds the rate. Reads the time only when the bucket is empty. */
  private readonly limitRate = (text: string): Effect.Effect<void> => {
    if (this.bucket.tokens < 1) this.bucket = TokenBucket.refill(this.bucket, this.clientConnection.sweeper.now())
    this.bucket = TokenBucket.take(this.bucket)
    const delayMillis = TokenBucket.delayMillis(this.bucket)
    const line = { _tag: "Line", text } as const
    return delayMillis === 0
      ? this.dispatch(line)
      : Effect.andThen(
          Effect.sleep(delayMillis),
          Effect.suspend(() => this.dispatch(line))
        )
  }

  private transition(event: SessionMachine.Event<Ask, Message>) {
    const [state, actions] = SessionMachine.step(this.state, event)
    this.state = state
    return actions
  }

  /** Handles an event in the fiber of the caller. */
  private dispatch(event: SessionMachine.Event<Ask, Message>): Effect.Effect<void> {
    return this.performAll(this.transition(event))
  }

  /** Handles an event from a callback. */
  private post(event: SessionMachine.Event<Ask, Message>) {
    const actions = this.transition(event)
    if (actions.length > 0) this.fork(this.performAll(actions))
  }

  private performAll(actions: ReadonlyArray<SessionMachine.Action<Ask, Message>>): Effect.Effect<void> {
    const last = actions.length - 1
    for (let index = 0; index < last; index++) this.fork(this.perform(actions[index]!))
    return last < 0 ? Effect.void : this.perform(actions[last]!)
  }

  private perform(action: SessionMachine.Action<Ask, Message>): Effect.Effect<void> {
    const { client, connection } = this.clientConnection
    switch (action._tag) {
      case "Step":
        return this.stateHolder.receive(action.input, this.write)
      case "Ask":
        return Effect.flatMap(this.answerAsk(action.ask), (message) => this.dispatch({ _tag: "Answered", message }))
      case "Read":
        this.signal?.notify()
        return Effect.void
      case "Disconnect": {
        const limits = `${SessionMachine.maxPendingInputs} pending pushes, ${SessionMachine.maxUnsentBytes / 1_024} KiB unsent`
        const logged = Effect.logInfo(`client ${client.id} disconnected: it reads too slowly (limits: ${limits})`)
        return Effect.andThen(logged, connection.abort)
      }
      case "End":
        this.signal?.notify()
        return this.state.isReading ? connection.endRead : Effect.void
    }
  }

  private readonly write = (output: Output<Ask>): Effect.Effect<void> => {
    const written = () => this.dispatch({ _tag: "Written", output })
    return output.text === undefined || output.text === ""
      ? Effect.suspend(written)
      : Effect.matchEffect(this.clientConnection.connection.write(this.framer.encode(output.text)), {
          onSuccess: written,
          onFailure: () => this.dispatch({ _tag: "WriteFailed", output })
        })
  }

  private answerAsk(ask: Ask): Effect.Effect<Message> {
    if (this.answer !== undefined) return this.answer(ask)
    if (this.shared === undefined)
      return Effect.die(new Error("the session returned `ask`, but the program defines no `shared` state"))
    const { client, connection } = this.clientConnection
    const attached = this.shared.attach(client, (message) =>
      this.post({ _tag: "Pushed", message, unsentBytes: connection.traffic().unsent })
    )
    return Effect.flatMap(Scope.provide(attached, this.scope), (answer) => {
      this.answer = answer
      return answer(ask)
    })
  }

  private fork(effect: Effect.Effect<void>) {
    const fiber = Effect.runForkWith(this.context)(effect)
    this.fibers ??= new Set()
    const { fibers } = this
    fibers.add(fiber)
    fiber.addObserver((exit) => {
      fibers.delete(fiber)
      if (Exit.isSuccess(exit) || Exit.hasInterrupts(exit)) return
      this.defect ??= exit.cause
      this.post({ _tag: "Stopped" })
    })
  }
}
