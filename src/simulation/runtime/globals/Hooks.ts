/**
 * Replacement of functions of the host while the programs of a run execute.
 *
 * Properties of global objects are replaced when a run begins, and restored when it ends. Exports of the modules of
 * Node are replaced once for the process, since an import binds them: outside of a run the replacement calls the
 * original.
 */
import { constUndefined } from "effect/Function"
import type * as SimClock from "../SimClock.ts"
import type * as SimRandom from "../SimRandom.ts"
import type * as VirtualTimer from "./VirtualTimer.ts"

/** A run, as the replaced functions see it. */
export interface Run {
  readonly clock: SimClock.SimClock
  /** Clock of the code that runs now, which is that of its host. */
  readonly hostClock: () => SimClock.HostClock
  readonly random: SimRandom.SimRandom
  readonly timers: VirtualTimer.Numbers
  /** Receives an error that a timer of JavaScript threw. */
  readonly onError: (error: unknown) => void
  /** Called when a program queues a microtask. */
  readonly onPromise: () => void
  /** Called when a program waits for a promise, with the arguments of `then`; returns those to be passed on. */
  readonly onThen: (args: ReadonlyArray<unknown>, called: Called) => ReadonlyArray<unknown>
  /** Called when a program calls a function of the host that is not simulated. */
  readonly onCall: (name: string, called: Called) => void
  /** Returns a promise that is settled like another, at the same virtual time, in the order of the calls. */
  readonly settle: <A>(promise: Promise<A>) => Promise<A>
}

type Anything = (...args: ReadonlyArray<unknown>) => unknown

/** The replaced function that a program called; the calls above it are those of the program. */
export type Called = (...args: ReadonlyArray<never>) => unknown

/** Action of a replaced function while a run is active. */
type During = (run: Run, args: ReadonlyArray<unknown>, original: Anything, called: Called) => unknown

/** A property that is replaced during runs. */
interface Hook {
  readonly target: object
  readonly key: string
  /** Value before the current run. */
  original: unknown
  readonly replacement: unknown
}

const hooks: Array<Hook> = []

/** The run whose programs execute now. */
export let active: Run | undefined

/** Replaces a property during runs, if the host has it. */
export const replaceValue = (
  target: object | undefined,
  key: string,
  replacementOf: (original: unknown) => unknown
) => {
  const original = target === undefined ? undefined : Reflect.get(target, key)
  if (target === undefined || original === undefined) return
  hooks.push({ target, key, original, replacement: replacementOf(original) })
}

/** Replaces a function during runs, if the host has it. Without a run, which it may outlive, it calls the original. */
export const replace = (target: object | undefined, key: string, during: During) =>
  replaceValue(target, key, (original) => {
    const replacement = function (this: unknown, ...args: ReadonlyArray<unknown>) {
      const call = (...given: ReadonlyArray<unknown>) => Reflect.apply(original as Anything, this, given)
      return active === undefined ? call(...args) : during(active, args, call, replacement)
    }
    // The properties of a function are read where they are, since they may be replaced, too.
    return Object.setPrototypeOf(replacement, original as object)
  })

/** Replaces an export of a module for the process: `during` is called while a run is active. */
export const replaceExport = (target: object | undefined, key: string, during: During) => {
  const original = target === undefined ? undefined : Reflect.get(target, key)
  if (target === undefined || typeof original !== "function") return
  const apply = (_: unknown, self: unknown, args: ReadonlyArray<unknown>) => {
    const call = (...given: ReadonlyArray<unknown>) => Reflect.apply(original, self, given)
    return active === undefined ? Reflect.apply(original, self, args) : during(active, args, call, apply)
  }
  const construct = (_: unknown, args: ReadonlyArray<unknown>, newTarget: unknown) => {
    if (active !== undefined) during(active, args, constUndefined, construct)
    return Reflect.construct(original, args, newTarget as Anything)
  }
  Reflect.set(target, key, new Proxy(original, { apply, construct }))
}

/** Makes a run active and returns a function that makes it inactive. */
export const enter = (run: Run): (() => void) => {
  const outer = active
  active = run
  if (outer === undefined) swapIn()
  return () => {
    active = outer
    if (outer === undefined) swapOut()
  }
}

const swapIn = () => {
  for (let i = 0; i < hooks.length; i++) {
    const hook = hooks[i]!
    const target = hook.target as Record<string, unknown>
    hook.original = target[hook.key]
    target[hook.key] = hook.replacement
  }
}

const swapOut = () => {
  for (let i = hooks.length - 1; i >= 0; i--) {
    const { key, original, target } = hooks[i]!
    ;(target as Record<string, unknown>)[key] = original
  }
}
