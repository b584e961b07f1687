/** A tracer whose spans have ids from a seed. */
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type * as SimRandom from "./SimRandom.ts"

const hexDigits = 8

const idOf = ({ next32 }: SimRandom.SimRandom, words: number) =>
  Array.from({ length: words }, () => next32().toString(16).padStart(hexDigits, "0")).join("")

/** Words of 32 bits in the id of a trace, and of a span. */
const traceIdWords = 4
const spanIdWords = 2

class SeededSpan extends Tracer.NativeSpan {
  #random: SimRandom.SimRandom

  constructor(random: SimRandom.SimRandom, options: ConstructorParameters<typeof Tracer.NativeSpan>[0]) {
    super(options)
    this.#random = random
  }

  override get traceId(): string {
    this._traceId ??= Option.getOrUndefined(this.parent)?.traceId ?? idOf(this.#random, traceIdWords)
    return this._traceId
  }

  override get spanId(): string {
    this._spanId ??= idOf(this.#random, spanIdWords)
    return this._spanId
  }
}

/** Creates a tracer that keeps its spans in memory, as the default one does. */
export const make = (random: SimRandom.SimRandom): Tracer.Tracer =>
  Tracer.make({ span: (options) => new SeededSpan(random, options) })
