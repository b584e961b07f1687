/** Made-up runs for the tests of diagrams. */
import * as Schema from "effect/Schema"
import type { Arrow } from "../../../../src/web/Arrow.ts"
import * as Settings from "../../../../src/web/lab/Settings.ts"
import type { Trace } from "../../../../src/web/lab/Trace.ts"

/** Makes a packet from `a` to `b`, which takes 20 ms unless it is lost. */
export const arrow = (number: number, sentMillis: number, more: Partial<Arrow> = {}): Arrow => ({
  number,
  from: "a",
  to: "b",
  sentMillis,
  ...(more.lost === true ? {} : { arrivesMillis: sentMillis + 20 }),
  lost: false,
  transport: "udp",
  kind: "DATA",
  label: `DATA ${number}, 512 bytes`,
  bytes: 512,
  ...more
})

/** Makes a run of packets. */
export const trace = (arrows: ReadonlyArray<Arrow>, more: Partial<Trace> = {}): Trace => ({
  settings: Settings.defaults("tftp"),
  hosts: ["a", "b"],
  arrows,
  states: [],
  remarks: [],
  outcome: "done",
  summary: "done",
  endMillis: Math.max(0, ...arrows.map(({ arrivesMillis, sentMillis }) => arrivesMillis ?? sentMillis)),
  figures: [],
  ...more
})

const Millis = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 }))

/** A packet of a generated run: time since the one before, time on its way, direction and loss. */
const Packet = Schema.Struct({
  sinceMillis: Millis,
  onWayMillis: Millis,
  isReply: Schema.Boolean,
  isLost: Schema.Boolean,
  hasRemark: Schema.Boolean
})

/** The packets of a generated run. */
export const Packets = Schema.Array(Packet)

/** Makes a run of generated packets. */
export const generated = (packets: typeof Packets.Type): Trace => {
  let atMillis = 0
  const arrows = packets.map(({ isLost, isReply, onWayMillis, sinceMillis }, at) => {
    atMillis += sinceMillis
    const ends = isReply ? { from: "b", to: "a" } : {}
    const arrives = isLost ? {} : { arrivesMillis: atMillis + onWayMillis }
    return arrow(at + 1, atMillis, { ...ends, ...arrives, lost: isLost })
  })
  const said = arrows.filter((_, at) => packets[at]!.hasRemark)
  return trace(arrows, {
    states: said.map(({ from, number, sentMillis }) => ({
      atMillis: sentMillis,
      host: from,
      state: `waiting for ${number}`,
      variables: []
    })),
    remarks: said.map(({ from, label, sentMillis }) => ({
      atMillis: sentMillis,
      host: from,
      text: `${label} is sent again because nothing came`,
      tone: "plain"
    }))
  })
}
