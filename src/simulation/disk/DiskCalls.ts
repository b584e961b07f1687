/** Calls of a simulated disk as effects: each takes virtual time, may fail by a fault, and ends with its host. */
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import type * as Recording from "../Recording.ts"
import type * as SimClock from "../runtime/SimClock.ts"
import * as DiskErrno from "./DiskErrno.ts"
import type * as DiskVolume from "./DiskVolume.ts"

/** Kind of a call, as rules of fault plans name it. */
export type Operation = "read" | "write" | "sync" | "other"

/** Fault of a call: the error with which it fails, and a delay before it happens. */
export interface Fault {
  readonly error?: "EIO" | "ENOSPC" | "EROFS" | undefined
  readonly delayNanos: number
}

/** A call before it happens. */
export interface Call<A> extends DiskErrno.Call {
  readonly operation: Operation
  /** Kind of change on the disk, which may be full or read-only for it. Default: none. */
  readonly change?: "create" | "modify" | undefined
  /** Does the work on the cache. `fault` is the error of a write or a sync, which has an effect of its own. */
  readonly run: (fault: DiskErrno.Code | undefined) => A
  /** Bytes of the result, for the record. Default: 0. */
  readonly bytes?: ((result: A) => number) | undefined
}

/** Environment of the calls. */
export interface Environment {
  readonly volume: DiskVolume.DiskVolume
  readonly clock: Pick<SimClock.SimClock, "now" | "schedule">
  readonly random: () => number
  readonly host: string
  readonly fault: ((operation: Operation, path: string) => Fault | undefined) | undefined
  readonly record: Recording.Recorder | undefined
  readonly pausedUntil: () => number
  /** Longest virtual nanoseconds of a call. */
  readonly latency: (operation: Operation) => number
}

/** Performs calls until the host crashes. */
export interface DiskCalls {
  readonly perform: <A>(call: Call<A>) => Effect.Effect<A, PlatformError.PlatformError>
  readonly volume: DiskVolume.DiskVolume
  readonly random: () => number
  /** True once the host has crashed. */
  readonly hasCrashed: () => boolean
  /** Ends the calls: those that wait interrupt their fibers, as do all that follow. */
  readonly crash: () => void
}

/** Shortest part of the longest time that a call takes. */
const shortestRatio = 0.2

/** Returns the error of a fault that concerns a call. */
const errorOf = ({ change, operation }: Pick<Call<unknown>, "change" | "operation">, fault: Fault | undefined) => {
  const error = fault?.error
  if (error === "EROFS") return change === undefined ? undefined : error
  return error === "ENOSPC" && operation !== "write" && change !== "create" ? undefined : error
}

/** Does the work of a call. Writes and syncs handle their faults themselves. */
const runCall = <A>(call: Call<A>, error: DiskErrno.Code | undefined): A =>
  error === undefined || call.operation === "write" || call.operation === "sync"
    ? call.run(error)
    : DiskErrno.fail(error)

const recorded = (
  environment: Environment,
  call: Omit<Call<unknown>, "run" | "bytes">,
  bytes: number,
  fault: string | undefined
) => {
  const { clock, host, record } = environment
  const { operation, path, syscall } = call
  if (record === undefined || (operation === "other" && call.change === undefined && fault === undefined)) return
  const name = operation === "other" ? syscall : operation
  record({ _tag: "Disk", at: clock.now(), host, operation: name, path, bytes, fault })
}

/** Makes the calls of a host from its start to its crash. */
export const make = (environment: Environment): DiskCalls => {
  const { clock, fault, latency, pausedUntil, random, volume } = environment
  const waiting = new Set<(result: Effect.Effect<never>) => void>()
  let isUp = true

  const finish = <A>(call: Call<A>, error: DiskErrno.Code | undefined) => {
    try {
      const result = runCall(call, error)
      recorded(environment, call, call.bytes?.(result) ?? 0, error)
      return Effect.succeed(result)
    } catch (cause) {
      if (!(cause instanceof DiskErrno.DiskErrno)) throw cause
      if (error !== undefined) recorded(environment, call, 0, error)
      return Effect.fail(DiskErrno.platformError(call, cause.code))
    }
  }

  const perform = <A>(call: Call<A>): Effect.Effect<A, PlatformError.PlatformError> =>
    Effect.suspend(() => {
      if (!isUp) return Effect.interrupt
      if (call.path.includes("\0")) {
        return Effect.fail(DiskErrno.badArgument(call.method, "The path must be a string without null bytes"))
      }
      const trouble = fault?.(call.operation, call.path)
      const error = errorOf(call, trouble)
      const longest = latency(call.operation)
      const own = longest === 0 ? 0 : Math.round(longest * (shortestRatio + (1 - shortestRatio) * random()))
      const delay = own + (trouble?.delayNanos ?? 0)
      if (delay === 0) return finish(call, error)
      return Effect.callback<A, PlatformError.PlatformError>((resume) => {
        waiting.add(resume)
        // As on Node, the call happens even if its fiber is interrupted meanwhile.
        const end = () => {
          if (!waiting.has(resume)) return
          if (pausedUntil() > clock.now()) {
            clock.schedule(pausedUntil(), end)
            return
          }
          waiting.delete(resume)
          resume(finish(call, error))
        }
        clock.schedule(clock.now() + delay, end)
      })
    })
  return {
    perform,
    volume,
    random,
    hasCrashed: () => !isUp,
    crash: () => {
      isUp = false
      const ended = [...waiting]
      waiting.clear()
      for (const resume of ended) resume(Effect.interrupt)
    }
  }
}
