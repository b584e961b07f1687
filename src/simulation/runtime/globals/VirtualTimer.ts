/** Timers of JavaScript in virtual time: `setTimeout`, `setInterval` and `setImmediate` as Node has them. */
import type * as SimClock from "../SimClock.ts"

/** Largest delay of a timer; others count as 1 ms, as in Node. */
const maxDelayMillis = 2 ** 31 - 1

const nanosOf = (delay: unknown): number => {
  const millis = Number(delay)
  return 1e6 * (millis >= 1 && millis <= maxDelayMillis ? Math.trunc(millis) : 1)
}

/** Numbers by which the timers of a run can be cleared. */
export type Numbers = Map<number, VirtualTimer>

/** First number of a timer: larger than those of the host. */
const firstNumber = 2 ** 40

/** A timer that `setTimeout` or `setInterval` returned. */
export class VirtualTimer {
  #clock: SimClock.SimClock
  #numbers: Numbers
  #hostClock: SimClock.HostClock
  #action: () => void
  #delayNanos: number
  #isRepeated: boolean
  #timer: SimClock.Timer | undefined
  #isCounted = false
  #hasRef = true
  #number: number | undefined

  constructor(
    clock: SimClock.SimClock,
    hostClock: SimClock.HostClock,
    numbers: Numbers,
    action: () => void,
    delay: unknown,
    isRepeated: boolean
  ) {
    this.#clock = clock
    this.#hostClock = hostClock
    this.#numbers = numbers
    this.#action = action
    this.#delayNanos = nanosOf(delay)
    this.#isRepeated = isRepeated
    this.#start()
  }

  #start() {
    this.#timer = this.#hostClock.after(this.#delayNanos, () => {
      this.#timer = undefined
      if (this.#isRepeated) this.#start()
      this.#count()
      this.#action()
    })
    this.#count()
  }

  /** Counts the timer while it is pending and keeps the program alive. */
  #count() {
    const isCounted = this.#timer !== undefined && this.#hasRef
    if (isCounted !== this.#isCounted) this.#clock.countTimer(isCounted ? 1 : -1)
    this.#isCounted = isCounted
  }

  #setRef(hasRef: boolean): this {
    this.#hasRef = hasRef
    this.#count()
    return this
  }

  close(): this {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#count()
    return this
  }

  ref(): this {
    return this.#setRef(true)
  }

  unref(): this {
    return this.#setRef(false)
  }

  hasRef(): boolean {
    return this.#hasRef
  }

  refresh(): this {
    this.#timer?.cancel()
    this.#start()
    return this
  }

  /** Returns a number by which the timer can also be cleared. */
  [Symbol.toPrimitive](): number {
    if (this.#number !== undefined) return this.#number
    this.#number = firstNumber + this.#numbers.size
    this.#numbers.set(this.#number, this)
    return this.#number
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** Clears a timer of a run; returns false if it is none. */
export const clear = (timers: Numbers, handle: unknown): boolean => {
  const isNumber = typeof handle === "number" || typeof handle === "string"
  const timer = isNumber ? timers.get(Number(handle)) : handle
  if (!(timer instanceof VirtualTimer || timer instanceof VirtualImmediate)) return false
  timer.close()
  return true
}

/** An action of `setImmediate`, which runs after the tasks that are ready now. */
export class VirtualImmediate {
  #isCleared = false
  #hasRef = true

  constructor(clock: SimClock.SimClock, action: () => void) {
    clock.queueTask(() => {
      if (!this.#isCleared) action()
    })
  }

  close(): void {
    this.#isCleared = true
  }

  ref(): this {
    this.#hasRef = true
    return this
  }

  unref(): this {
    this.#hasRef = false
    return this
  }

  hasRef(): boolean {
    return this.#hasRef
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
