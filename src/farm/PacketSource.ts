/** The packets of a job, one after the other on demand, from any kind of source that `split` may return. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Signal from "../network/Signal.ts"
import type { SizedPacket, Source, Splitter } from "./Job.ts"

/** The packets of a run. */
export interface PacketSource<Packet> {
  /** The units of all packets; `undefined` if their number is unknown. */
  readonly total: number | undefined
  readonly initialSize: number
  /** Returns the next packet, `undefined` at the end, and `"later"` while none has arrived. It may throw. */
  readonly next: (size: number) => SizedPacket<Packet> | "later" | undefined
  /** Fetches packets ahead of `next` until the end. `onRefilled` is called when some have arrived, and at the end. */
  readonly fetch: (onRefilled: () => void) => Effect.Effect<void>
  /** Passes over the first units. Returns their number, which is another one if packets do not end there. */
  readonly skip: (units: number) => Effect.Effect<number, unknown>
}

/**
 * Returns an element of a source with its size: one of another shape is a packet of one unit. Its keys are read last,
 * because a buffer has one for each byte.
 */
const sized = <Packet>(element: Packet | SizedPacket<Packet>): SizedPacket<Packet> => {
  if (typeof element !== "object" || element === null) return { packet: element, units: 1 }
  const { packet, units } = element as Partial<SizedPacket<Packet>>
  const isSized = typeof units === "number" && "packet" in element && Object.keys(element).length === 2
  return isSized ? { packet: packet as Packet, units } : { packet: element as Packet, units: 1 }
}

const skipUnits = Effect.fnUntraced(function* <Packet>(
  next: PacketSource<Packet>["next"],
  fetchOnce: Effect.Effect<void>,
  units: number
) {
  let skipped = 0
  while (skipped < units) {
    const packet = yield* Effect.try({ try: () => next(units - skipped), catch: (cause) => cause })
    if (packet === undefined) break
    if (packet === "later") yield* fetchOnce
    else skipped += packet.units
  }
  return skipped
})

const fromSplitter = <Packet>({ initialSize, next, total }: Splitter<Packet>): PacketSource<Packet> => ({
  total,
  initialSize: initialSize ?? 1,
  next,
  fetch: () => Effect.void,
  skip: (units) => skipUnits(next, Effect.void, units)
})

const fromIterable = Effect.fnUntraced(function* <Packet>(iterable: Iterable<Packet | SizedPacket<Packet>>) {
  const iterator = iterable[Symbol.iterator]()
  yield* Effect.addFinalizer(() => Effect.sync(() => void iterator.return?.()))
  return fromSplitter<Packet>({
    total: Array.isArray(iterable) && iterable.every((one) => sized(one).units === 1) ? iterable.length : undefined,
    next: () => {
      const element = iterator.next()
      return element.done === true ? undefined : sized<Packet>(element.value)
    }
  })
})

/** The packets of a stream that have arrived and are not taken. */
interface Arrived<Packet> {
  packets: Array<SizedPacket<Packet>>
  isEnded: boolean
  /** The failure of the stream. */
  failure: { readonly cause: unknown } | undefined
}

const fromStream = Effect.fnUntraced(function* <Packet>(
  stream: Stream.Stream<Packet | SizedPacket<Packet>, unknown>,
  maxPrefetched: number
) {
  const pull = yield* Stream.toPull(stream)
  const arrived: Arrived<Packet> = { packets: [], isEnded: false, failure: undefined }
  const isWanted = Signal.make()
  const fetchOnce = pull.pipe(
    Effect.map((elements) => {
      for (const element of elements) arrived.packets.push(sized(element))
    }),
    Pull.catchDone(() =>
      Effect.sync(() => {
        arrived.isEnded = true
      })
    ),
    // A function of the stream that throws is a failure of the source, too: without it the run would wait for ever.
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
      return Effect.sync(() => {
        arrived.failure = { cause: Cause.squash(cause) }
      })
    })
  )
  const next = () => {
    const packet = arrived.packets.shift()
    if (arrived.packets.length < maxPrefetched) isWanted.notify()
    if (packet !== undefined) return packet
    if (arrived.failure !== undefined) throw arrived.failure.cause
    return arrived.isEnded ? undefined : "later"
  }
  const fetch = (onRefilled: () => void): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (arrived.isEnded || arrived.failure !== undefined) return Effect.sync(onRefilled)
      const isFull = arrived.packets.length >= maxPrefetched
      const more = isFull ? isWanted.wait : Effect.andThen(fetchOnce, Effect.sync(onRefilled))
      return Effect.andThen(more, fetch(onRefilled))
    })
  const source: PacketSource<Packet> = {
    total: undefined,
    initialSize: 1,
    next,
    fetch,
    skip: (units) => skipUnits(next, fetchOnce, units)
  }
  return source
})

const isSplitter = <Packet>(source: Source<Packet>): source is Splitter<Packet> =>
  "next" in source && !(Symbol.iterator in source) && !(Symbol.asyncIterator in source)

/** Opens a source until the scope closes. Of a stream it fetches this number of packets ahead, or a chunk. */
export const make = <Packet>(
  source: Source<Packet>,
  maxPrefetched: number
): Effect.Effect<PacketSource<Packet>, never, Scope.Scope> => {
  if (Stream.isStream(source)) return fromStream(source, maxPrefetched)
  if (isSplitter(source)) return Effect.succeed(fromSplitter(source))
  if (Symbol.iterator in source) return fromIterable(source)
  return fromStream(
    Stream.fromAsyncIterable(source, (cause) => cause),
    maxPrefetched
  )
}
