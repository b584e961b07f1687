/** Calls of the host that a run made and that are not simulated, with the places in the program. */
import * as Fiber from "effect/Fiber"
import type * as Hooks from "./globals/Hooks.ts"
import * as LogRecorder from "./LogRecorder.ts"
import * as SimSchedulerQueue from "./SimSchedulerQueue.ts"

/** A function of the host that a program called during a run. @category models @since 0.1.0 */
export interface PlatformCall {
  /** Name of the function, such as `fetch` or `fs.readFile`; `promise` for a promise that is not settled. */
  readonly name: string
  /** Host on which the program ran; undefined for the scenario itself, and after an `await`. */
  readonly host: string | undefined
  /** Step, span or named function of the fiber, if it has one. */
  readonly step: string | undefined
  /** Places in the program, the innermost first. */
  readonly stack: ReadonlyArray<string>
}

/** Most calls that are kept of a run. */
const maxCalls = 20

/** Places kept of each call, and of each promise, of which there are many. */
const maxPlaces = 12
const maxPromisePlaces = 5

/** Places in effect and in this package, which say nothing about the program. */
const isOwn = (place: string) =>
  /\beffect\/(?:dist|src)\/|\/(?:dist|src)\/simulation\/(?:runtime\/|Sim\w+\.)|^\w+\.next \(<anonymous>\)$|\(node:internal\//.test(
    place
  )

const placesOf = (error: Error): ReadonlyArray<string> => {
  const lines = (error.stack ?? "").split("\n").slice(1)
  const places = lines.map((place) => place.trim().replace(/^at (?:async )?/, ""))
  return places.filter((place) => !isOwn(place))
}

/** A call while the run goes on. */
interface Captured extends Omit<PlatformCall, "stack"> {
  readonly error: Error
}

/** The constructor of errors; only V8 can limit a stack, and leave out the innermost calls. */
const stacks: ErrorConstructor & {
  stackTraceLimit?: number
  captureStackTrace?: (error: Error, called: Hooks.Called) => void
} = Error

/** Captures the places that called a function; their text is made when it is read. */
const capture = (name: string, called: Hooks.Called, limit: number): Captured => {
  const { stackTraceLimit = limit } = stacks
  stacks.stackTraceLimit = limit
  const error = new Error()
  stacks.captureStackTrace?.(error, called)
  stacks.stackTraceLimit = stackTraceLimit
  const fiber = Fiber.getCurrent()
  const step = fiber && SimSchedulerQueue.stepOf(fiber)
  return { name, host: fiber?.getRef(LogRecorder.HostName), step: step?.text, error }
}

/** Record of the calls of a run. */
export interface PlatformCalls {
  readonly add: (name: string, called: Hooks.Called) => void
  /** Records arguments of `then` until one of them is called, and returns those to be used instead. */
  readonly pending: (args: ReadonlyArray<unknown>, called: Hooks.Called) => ReadonlyArray<unknown>
  /** Returns the calls, and the promises that are not settled. */
  readonly report: () => { readonly calls: ReadonlyArray<PlatformCall>; readonly pending: ReadonlyArray<PlatformCall> }
}

/** Creates an empty record. */
export const make = (): PlatformCalls => {
  const calls: Array<Captured> = []
  const promises = new Set<Captured>()
  const toCall = ({ error, ...call }: Captured): PlatformCall => ({ ...call, stack: placesOf(error) })
  return {
    add: (name, called) => {
      if (calls.length < maxCalls) calls.push(capture(name, called, maxPlaces))
    },
    pending: (args, called) => {
      if (promises.size >= maxCalls) return args
      const promise = capture("promise", called, maxPromisePlaces)
      promises.add(promise)
      return args.map((handler) =>
        typeof handler === "function"
          ? (value: unknown) => {
              promises.delete(promise)
              return handler(value)
            }
          : handler
      )
    },
    report: () => ({ calls: calls.map(toCall), pending: withPlaces(Array.from(promises, toCall)) })
  }
}

/** Leaves out promises of the same line, and those that no line made; keeps one if there is nothing else. */
const withPlaces = (calls: ReadonlyArray<PlatformCall>) => {
  const byPlace = new Map(calls.map((call) => [[call.host, call.step, call.stack[0]].join(" "), call]))
  byPlace.delete("  ")
  return byPlace.size > 0 ? [...byPlace.values()] : calls.slice(0, 1)
}
