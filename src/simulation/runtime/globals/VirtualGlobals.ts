/** Virtual time and seeded random numbers behind the globals of JavaScript: `Date`, `Math.random`, `crypto`, timers. */
import * as HostTime from "../HostTime.ts"
import type * as SimRandom from "../SimRandom.ts"
import * as Hooks from "./Hooks.ts"
import * as VirtualTimer from "./VirtualTimer.ts"

const wallMillis = ({ clock, hostClock }: Hooks.Run) => Math.floor(HostTime.wallMillisAt(hostClock().time, clock.now()))

const monotonicNanos = ({ clock, hostClock }: Hooks.Run) => HostTime.monotonicAt(hostClock().time, clock.now())

/** Returns `Date` with virtual time. Its objects are those of the real one. */
const virtualDate = (real: DateConstructor): unknown => {
  const construct = function (this: unknown, ...args: ReadonlyArray<unknown>) {
    const { active } = Hooks
    const given = args.length === 0 && active !== undefined ? [wallMillis(active)] : args
    if (new.target === undefined)
      return String(Reflect.construct(real, active === undefined ? [] : [wallMillis(active)]))
    return Reflect.construct(real, given, new.target === construct ? real : new.target)
  }
  Object.setPrototypeOf(construct, real)
  return Object.defineProperties(construct, {
    name: { value: "Date" },
    length: { value: real.length },
    prototype: { value: real.prototype }
  })
}

const replaceTime = (globals: typeof globalThis) => {
  const real = globals.Date
  Hooks.replaceValue(globals, "Date", () => virtualDate(real))
  Hooks.replace(real, "now", wallMillis)
  const performance: object | undefined = Reflect.get(globals, "Performance")?.prototype
  Hooks.replace(performance, "now", (run) => monotonicNanos(run) / 1e6)
}

type Callback = (...args: ReadonlyArray<unknown>) => void

/** Returns an action that calls a callback, whose error fails the run as it would end a process. */
export const actionOf =
  (run: Hooks.Run, callback: unknown, args: ReadonlyArray<unknown>): (() => void) =>
  () => {
    try {
      ;(callback as Callback)(...args)
    } catch (error) {
      run.onError(error)
    }
  }

const startTimer = (run: Hooks.Run, [callback, delay, ...args]: ReadonlyArray<unknown>, isRepeated: boolean) =>
  new VirtualTimer.VirtualTimer(
    run.clock,
    run.hostClock(),
    run.timers,
    actionOf(run, callback, args),
    delay,
    isRepeated
  )

/** Returns a promise that is resolved after a delay. */
export const delayed = (run: Hooks.Run, delay: unknown, value: unknown) =>
  new Promise((resolve) => void startTimer(run, [resolve, delay, value], false))

/** Replaces the timers of an object: the global one, or the module of Node. */
const replaceTimers = (target: object) => {
  const timeout = (run: Hooks.Run, args: ReadonlyArray<unknown>) => startTimer(run, args, false)
  Hooks.replace(target, "setTimeout", timeout)
  Hooks.replace(target, "setInterval", (run, args) => startTimer(run, args, true))
  Hooks.replace(
    target,
    "setImmediate",
    (run, [callback, ...args]) => new VirtualTimer.VirtualImmediate(run.clock, actionOf(run, callback, args))
  )
  for (const name of ["clearTimeout", "clearInterval", "clearImmediate"]) {
    Hooks.replace(target, name, ({ timers }, [handle], original) => {
      if (!VirtualTimer.clear(timers, handle)) original(handle)
    })
  }
}

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

/** Returns a random UUID of version 4. */
export const uuid = (random: SimRandom.SimRandom): string => {
  const bytes = new Uint8Array(16)
  random.fill(bytes)
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
}

/** Fills any array of numbers with random bytes. */
export const fill = (random: SimRandom.SimRandom, array: unknown): unknown => {
  const { buffer, byteLength, byteOffset } = array as Uint8Array
  random.fill(new Uint8Array(buffer, byteOffset, byteLength))
  return array
}

const replaceRandom = (globals: typeof globalThis) => {
  Hooks.replace(globals.Math, "random", ({ random }) => random.random.nextDoubleUnsafe())
  const crypto: object | undefined = Reflect.get(globals, "Crypto")?.prototype
  Hooks.replace(crypto, "getRandomValues", ({ random }, [array]) => fill(random, array))
  Hooks.replace(crypto, "randomUUID", ({ random }) => uuid(random))
  const subtle: object | undefined = Reflect.get(globals, "SubtleCrypto")?.prototype
  for (const name of Object.getOwnPropertyNames(subtle ?? {})) {
    // Keys are made of random numbers that nobody can seed; all other results follow from the arguments.
    if (name === "constructor") continue
    Hooks.replace(subtle, name, ({ onCall, settle }, args, original, called) => {
      if (name === "generateKey") onCall("crypto.subtle.generateKey", called)
      return settle(original(...args) as Promise<unknown>)
    })
  }
}

const replacePromises = (globals: typeof globalThis) => {
  Hooks.replace(globals.Promise.prototype, "then", (run, args, original, called) =>
    original(...run.onThen(args, called))
  )
  Hooks.replace(globals, "queueMicrotask", (run, [callback], original) => {
    run.onPromise()
    return original(actionOf(run, callback, []))
  })
  Hooks.replace(globals, "fetch", ({ onCall }, args, original, called) => {
    onCall("fetch", called)
    return original(...args)
  })
  Hooks.replace(Reflect.get(globals, "AbortSignal"), "timeout", (run, [delay]) => {
    const controller = new AbortController()
    const reason = new DOMException("The operation was aborted due to timeout", "TimeoutError")
    startTimer(run, [() => controller.abort(reason), delay], false).unref()
    return controller.signal
  })
}

/** Prepares the replacements, once for the process. */
export const prepare = (): void => {
  replaceTime(globalThis)
  replaceTimers(globalThis)
  replaceRandom(globalThis)
  replacePromises(globalThis)
}
