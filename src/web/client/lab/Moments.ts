/** The moments of a run as texts, for readers who do not see the diagram. Pure. */
import type { Arrow } from "../../Arrow.ts"
import * as Fate from "../diagram/Fate.ts"
import type { TimeAxis } from "../diagram/TimeAxis.ts"
import * as Format from "../Format.ts"

/** Formats a time of a run in milliseconds; those of a short run with decimals. */
export const formatMillis = (millis: number, endMillis: number): string =>
  endMillis < 20 ? (Math.round(millis * 100) / 100).toFixed(2) : Format.count(millis)

const endings: Readonly<Record<Fate.Fate, string>> = {
  arrived: "",
  lost: "",
  duplicate: ", a copy made by the network",
  late: ", late",
  changed: ", changed on its way",
  again: ", sent again"
}

/** Formats the end of a packet: `arrived after 20 ms`, or `lost`. */
export const outcomeOf = (arrow: Arrow): string => {
  if (arrow.lost) return arrow.fault === "partition" ? "lost: partition" : "lost"
  if (arrow.arrivesMillis === undefined) return "not known"
  const delayMillis = arrow.arrivesMillis - arrow.sentMillis
  return `arrived after ${formatMillis(delayMillis, delayMillis)} ms${endings[Fate.of(arrow)]}`
}

/** Formats what happens at a position: the packets that leave or end there, the states and the remarks. */
export const describe = (axis: TimeAxis, positionPixels: number): string => {
  const isHere = (pixels: number) => Math.abs(pixels - positionPixels) < 0.5
  const packets = axis.flights.flatMap(({ arrow, endPixels, startPixels }) => {
    const name = `packet ${arrow.number}, ${arrow.label}`
    if (isHere(startPixels)) return [`${arrow.from} sends ${name}, to ${arrow.to}`]
    if (isHere(endPixels)) return [arrow.lost ? `${name}, is lost` : `${name}, arrives at ${arrow.to}`]
    return []
  })
  const states = axis.states.flatMap(({ positionPixels: at, value }) =>
    isHere(at) ? [`${value.host}: ${value.state}`] : []
  )
  const remarks = axis.remarks.flatMap(({ positionPixels: at, value }) => (isHere(at) ? [value.text] : []))
  return [...packets, ...states, ...remarks].join(". ")
}
