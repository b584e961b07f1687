/** The work of a job on encoded packets, with encoded results, whether it returns at once or later. */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as Schema from "effect/Schema"
import { errorText, singleLine } from "../FarmError.ts"
import type { StopSignal, Work } from "../Job.ts"
import * as SchemaDefect from "../SchemaDefect.ts"

/** A result that can be sent. */
export interface Encoded {
  readonly value: unknown
  /** The buffers in it that are moved. */
  readonly transfer: ReadonlyArray<ArrayBufferLike>
}

/** Work in progress: a promise, or an Effect that waits. */
export class Pending {
  /** Calls one of the two functions when the work has ended. */
  readonly whenEnded: (onResult: (result: Encoded) => void, onFailure: (thrown: unknown) => void) => void
  /** Interrupts the work; a promise ends by its signal only. */
  readonly interrupt: () => void

  constructor(whenEnded: Pending["whenEnded"], interrupt: () => void) {
    this.whenEnded = whenEnded
    this.interrupt = interrupt
  }
}

/** Work on an encoded packet. It throws what the work throws. */
export type EncodedWork = (packet: unknown, signal: StopSignal) => Encoded | Pending

const nothing: ReadonlyArray<ArrayBufferLike> = []

const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function"

/** Returns a function that calls `onResult` with the encoded result, or `onFailure` if it cannot be encoded. */
const encodedBy =
  (
    encode: (result: unknown) => Encoded,
    onResult: (result: Encoded) => void,
    onFailure: (thrown: unknown) => void
  ): ((result: unknown) => void) =>
  (result) => {
    let encoded: Encoded
    try {
      encoded = encode(result)
    } catch (cause) {
      return onFailure(cause)
    }
    onResult(encoded)
  }

const pendingPromise = (promise: Promise<unknown>, encode: (result: unknown) => Encoded) =>
  new Pending((onResult, onFailure) => void promise.then(encodedBy(encode, onResult, onFailure), onFailure), constVoid)

/** Runs an Effect as far as it goes without waiting. */
const runEffect = (
  effect: Effect.Effect<unknown, unknown>,
  services: Context.Context<never>,
  encode: (result: unknown) => Encoded
): Encoded | Pending => {
  const fiber = Effect.runForkWith(services)(effect)
  const ended = fiber.pollUnsafe()
  if (ended !== undefined) {
    if (Exit.isSuccess(ended)) return encode(ended.value)
    throw Cause.squash(ended.cause)
  }
  return new Pending(
    (onResult, onFailure) => {
      const onValue = encodedBy(encode, onResult, onFailure)
      fiber.addObserver((exit) => (Exit.isSuccess(exit) ? onValue(exit.value) : onFailure(Cause.squash(exit.cause))))
    },
    () => fiber.interruptUnsafe()
  )
}

/** Returns the error of a result that does not fit its schema, or throws when it is read. */
const resultError = (thrown: unknown) => {
  const cause = SchemaDefect.unwrap(thrown)
  const what = cause === thrown ? "the result does not fit its schema" : "cannot read the result"
  return new Error(`${what}: ${singleLine(errorText(cause))}`, cause === thrown ? undefined : { cause })
}

/** Wraps work in the schemas of packet and result. Effects run with the services. */
export const make = <Packet, Result>(work: Work<Packet, Result>, services: Context.Context<never>): EncodedWork => {
  const decodePacket = Schema.decodeUnknownSync(work.packet)
  const decode = (packet: unknown) => {
    try {
      return decodePacket(packet)
    } catch (cause) {
      throw SchemaDefect.unwrap(cause)
    }
  }
  const encodeResult = Schema.encodeUnknownSync(work.result)
  const transferOf = work.transfer?.result
  const encode = (result: unknown): Encoded => {
    let value: unknown
    try {
      value = encodeResult(result)
    } catch (cause) {
      throw resultError(cause)
    }
    return { value, transfer: transferOf === undefined ? nothing : transferOf(result as Result) }
  }
  return (packet, signal) => {
    const result = work.work(decode(packet), signal)
    if (Effect.isEffect(result)) return runEffect(result as Effect.Effect<unknown, unknown>, services, encode)
    if (isPromise(result)) return pendingPromise(result, encode)
    return encode(result)
  }
}
