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
import type { Guest, Keeper } from "./ConnectionHandler.ts"
import * as Framer from "./Framer.ts"
import type { Input, Out, Shared } from "./Session.ts"

/** Pushes that a client has not been told yet; one that is further behind is cut. */
const maxPending = 256

/** Bytes that a client has not taken yet; one that is pushed more is cut. */
const maxUnsent = 256 * 1_024

/** Lines a second. */
const defaultRate = 200

const millisPerSecond = 1_000

/** A step that was taken, or why there can be no more: the client is gone, or the session is over. */
type Taken = Effect.Effect<void, Network.NetworkError | Cause.Done>

/** A server holds thousands of these: hence a class, and nothing made before it is needed. */
export class Talk<Ask, Told> {
  private readonly guest: Guest
  private readonly frames: Framer.Frames
  private readonly shared: Shared<Ask, Told> | undefined
  private readonly keeper: Keeper<Ask, Told>
  private readonly scope: Scope.Scope
  private readonly context: Context.Context<never>
  /** Lines that may come at once, and since when there are so many. */
  private left: number
  private filled: number
  /** Somebody steps the session; somebody asks; somebody brings what is pending. */
  private stepping = false
  private asking = false
  private bringing = false
  /** The session has closed; the last input has come; the client is behind. */
  private over = false
  private ending = false
  private behind = false
  /** Why what was done aside came to nothing: the reader finds out when it is woken. */
  private failure: Cause.Cause<Network.NetworkError | Cause.Done> | undefined
  private answer: ((ask: Ask) => Effect.Effect<Told>) | undefined
  private asks: Array<Ask> | undefined
  private pending: Array<Input<Told>> | undefined
  private waiters: Array<() => void> | undefined
  private fibers: Set<Fiber.Fiber<unknown, unknown>> | undefined

  constructor(
    guest: Guest,
    frames: Framer.Frames,
    shared: Shared<Ask, Told> | undefined,
    keeper: Keeper<Ask, Told>,
    scope: Scope.Scope,
    context: Context.Context<never>
  ) {
    this.guest = guest
    this.frames = frames
    this.shared = shared
    this.keeper = keeper
    this.scope = scope
    this.context = context
    this.left = guest.rate ?? defaultRate
    this.filled = guest.sweeper.now()
  }

  /** From the greeting to the end; whether the client may still be sending. */
  get whole(): Effect.Effect<boolean> {
    this.stepping = true
    const greeted = Effect.flatMap(this.keeper.open(this.carryOut), this.settled)
    const lines = Effect.forever(Effect.flatMap(this.frames.next, this.take), { disableYield: true })
    return Effect.catchCause(Effect.andThen(greeted, lines), (cause) => {
      const why = this.failure ?? cause
      if (Cause.hasDies(why) || Cause.hasInterrupts(why)) return Effect.failCause(why as Cause.Cause<never>)
      if (this.over) return Effect.succeed(true)
      const error = Cause.squash(why)
      return this.finish(error instanceof LineError ? { _tag: "Broken", message: error.message } : { _tag: "Closed" })
    })
  }

  /** Ends what is done aside. */
  stop() {
    this.ending = true
    if (this.fibers !== undefined) for (const fiber of this.fibers) fiber.interruptUnsafe()
  }

  tick() {
    if (this.over || this.ending || this.behind || this.pending?.some(({ _tag }) => _tag === "Tick")) return
    this.post({ _tag: "Tick" })
  }

  /** The time is looked at only when the lines of a second are used up; who is ahead of it waits. */
  private readonly take = (text: string): Taken => {
    const { rate = defaultRate, sweeper } = this.guest
    if (this.left < 1) {
      const now = sweeper.now()
      this.left = Math.min(rate, this.left + ((now - this.filled) * rate) / millisPerSecond)
      this.filled = now
    }
    this.left -= 1
    if (this.left >= 0) return this.line(text)
    const line = Effect.suspend(() => this.line(text))
    return Effect.andThen(Effect.sleep((-this.left * millisPerSecond) / rate), line)
  }

  private line(text: string): Taken {
    if (this.failure !== undefined) return Effect.failCause(this.failure)
    if (this.over) return Framer.done
    if (this.stepping || this.asking) return Effect.flatMap(this.free, () => this.line(text))
    return Effect.flatMap(this.step({ _tag: "Line", text }), this.settled)
  }

  private step(input: Input<Told>): Taken {
    if (this.over) return Framer.done
    if (this.stepping) return Effect.flatMap(this.change, () => this.step(input))
    this.stepping = true
    return this.keeper.receive(input, this.carryOut)
  }

  private readonly carryOut = (out: Out<Ask>): Effect.Effect<void, Network.NetworkError> => {
    if (out.text === undefined || out.text === "") return this.release(out)
    return Effect.matchCauseEffect(this.guest.connection.write(this.frames.encode(out.text)), {
      onSuccess: () => this.release(out),
      onFailure: (cause) => {
        if (this.ending) return this.release(out)
        this.stepping = false
        this.wake()
        return Effect.failCause(cause)
      }
    })
  }

  private release(out: Out<Ask>): Effect.Effect<void> {
    this.stepping = false
    if (out.close) this.over = true
    if (out.ask !== undefined) {
      this.asks ??= []
      this.asks.push(out.ask)
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
  private get change(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.waiters ??= []
      this.waiters.push(() => resume(Effect.void))
    })
  }

  private get free(): Effect.Effect<void> {
    return Effect.suspend(() =>
      (this.stepping || this.asking) && this.failure === undefined && !this.over
        ? Effect.flatMap(this.change, () => this.free)
        : Effect.void
    )
  }

  /** After a step: puts its question, unless somebody puts questions already. */
  private readonly settled = (): Taken => {
    if (this.over) return Framer.done
    if (this.asking || !this.asks?.length) return Effect.void
    this.asking = true
    return this.settle
  }

  /** Puts all questions there are, and those that follow from the answers. */
  private get settle(): Taken {
    return Effect.suspend(() => {
      if (this.over) return Framer.done
      const ask = this.asks?.shift()
      if (ask !== undefined) {
        const told = Effect.flatMap(this.put(ask), (told) => this.step({ _tag: "Told", told }))
        return Effect.flatMap(told, () => this.settle)
      }
      this.asking = false
      this.wake()
      return Effect.void
    })
  }

  private put(ask: Ask): Effect.Effect<Told> {
    if (this.answer !== undefined) return this.answer(ask)
    if (this.shared === undefined)
      return Effect.die(new Error("the session asks, but nothing is shared: give `shared`"))
    const attached = this.shared.attach(this.guest.client, (told) => this.tell(told))
    return Effect.flatMap(Scope.provide(attached, this.scope), (answer) => {
      this.answer = answer
      return answer(ask)
    })
  }

  private tell(told: Told) {
    const { client, connection } = this.guest
    if (this.over || this.ending || this.behind) return
    const isBehind = (this.pending?.length ?? 0) >= maxPending || connection.traffic().unsent > maxUnsent
    if (!isBehind) return this.post({ _tag: "Told", told })
    this.behind = true
    this.pending = undefined
    const said = Effect.logInfo(`client ${client.id} does not read what it is told: cut`)
    this.fork(Effect.andThen(said, connection.abort))
  }

  private post(input: Input<Told>) {
    this.pending ??= []
    this.pending.push(input)
    if (this.bringing) return
    this.bringing = true
    this.aside(this.bring)
  }

  private get bring(): Taken {
    return Effect.suspend(() => {
      const input = this.pending?.shift()
      if (input === undefined) {
        this.bringing = false
        return Effect.void
      }
      return Effect.flatMap(this.step(input), () => {
        if (this.over) return Framer.done
        if (!this.asking && this.asks?.length) this.aside(this.settled())
        return this.bring
      })
    })
  }

  /** Its failure wakes the reader, as the end of input does: a defect is the reader's to report. */
  private aside(effect: Taken) {
    this.fork(
      Effect.onError(effect, (cause) => {
        if (Cause.hasInterruptsOnly(cause)) return Effect.void
        this.failure ??= cause
        this.wake()
        return this.guest.connection.endRead
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

  private finish(input: Input<Told>): Effect.Effect<boolean> {
    return Effect.flatMap(this.free, () => {
      if (this.over) return Effect.succeed(true)
      this.ending = true
      this.stepping = false
      const asked = Effect.suspend((): Effect.Effect<unknown> => {
        const ask = this.asks?.shift()
        return ask === undefined ? Effect.void : this.put(ask)
      })
      return Effect.as(Effect.andThen(Effect.ignore(this.step(input)), asked), input._tag === "Broken")
    })
  }
}
