/** Inputs of a peer table: packets of a few peers in any order, ticks, and the time between them. */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type * as Peer from "../../../src/status/Peer.ts"
import * as StatusNetwork from "../../support/status/StatusNetwork.ts"

export const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const one = <A>(values: ReadonlyArray<A>): Arbitrary.Arbitrary<A> =>
  Arbitrary.map(between(0, values.length - 1), (at) => values[at]!)

/** An input, and the milliseconds since the previous one. */
export interface Event {
  readonly packet: Peer.Heartbeat | undefined
  readonly wait: number
}

const heartbeat = Arbitrary.map(
  Arbitrary.all([
    one([0, 1, 2, 3, 4, 5]),
    one([1, 1, 1, 2, 3]),
    between(0, 60),
    one([10, 1_000, 1_000, 1_000, 20_000]),
    one([false, false, false, false, true]),
    one(["well", "well", "ill", "?"]),
    one(["", "", "", "x"])
  ]),
  ([id, incarnation, sequence, interval, goodbye, payload, suffix]): Peer.Heartbeat =>
    StatusNetwork.heartbeat({
      id: id === 5 ? "course:bob" : StatusNetwork.idOf(id),
      dialect: id === 5 ? "course" : "effect-inet",
      from: { address: `10.0.0.${id >> 1}`, port: 2066 },
      name: `peer ${id}${suffix}`,
      incarnation: id === 5 ? 0 : incarnation,
      sequence: id === 5 ? undefined : sequence,
      interval,
      goodbye,
      payload: StatusNetwork.bytesOf(payload)
    })
)

/** Mostly usual delays; some stalls, and clocks that are set back. */
const wait = one([0, 0, 50, 250, 250, 250, 400, 500, 500, 900, 3_000, 60_000, -5_000])

const event: Arbitrary.Arbitrary<Event> = Arbitrary.map(
  Arbitrary.all([heartbeat, one([true, false]), wait]),
  ([heartbeat, isPacket, wait]) => ({ packet: isPacket ? heartbeat : undefined, wait })
)

/** Includes long runs of ticks without packets, so that peers become suspect, down and forgotten. */
export const events: Arbitrary.Arbitrary<ReadonlyArray<Event>> = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([event, one([0, 0, 0, 0, 0, 8, 40])]), { maxLength: 60 }),
  (parts) =>
    parts.flatMap(([event, ticks]) => [
      event,
      ...Array.from({ length: ticks }, () => ({ packet: undefined, wait: 500 }))
    ])
)
