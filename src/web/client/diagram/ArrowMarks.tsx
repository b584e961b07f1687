/** The marks of a packet in a diagram: its line with a head or a cross, its label, and the packet on its way. */
import { headOf, type Line, lineBetween, lostFraction } from "./Columns.ts"
import * as Fate from "./Fate.ts"
import { labelOf } from "./LabelText.ts"

/** The columns of sender and receiver. */
export interface Ends {
  readonly fromColumn: number
  readonly toColumn: number
}

/** Width of the label of a packet that is not only between two lines: to its own sender, or of a broadcast. */
const freeLabelPixels = 136

/** Width of the loop of a packet to its own sender. */
const loopPixels = 34

/** Returns 1 for a packet to the right, and -1 for one to the left or from the last column to itself. */
const directionOf = ({ fromColumn, toColumn }: Ends, hostPixels: ReadonlyArray<number>): 1 | -1 =>
  toColumn < fromColumn || (toColumn === fromColumn && toColumn > 0 && toColumn === hostPixels.length - 1) ? -1 : 1

/** Returns the line of a packet; that of a lost one ends on its way, that of one to its sender beside it. */
export const lineOf = (
  arrow: Fate.Packet,
  { fromColumn, toColumn }: Ends,
  hostPixels: ReadonlyArray<number>,
  heights: readonly [number, number]
): Line => {
  const fromX = hostPixels[fromColumn] ?? 0
  const toX =
    fromColumn === toColumn
      ? fromX + loopPixels * directionOf({ fromColumn, toColumn }, hostPixels)
      : (hostPixels[toColumn] ?? 0)
  return lineBetween([fromX, toX], heights, arrow.lost ? lostFraction : 1)
}

/** Returns the classes of the marks of a packet. */
export const classOf = (arrow: Fate.Packet, { fromColumn, toColumn }: Ends): string =>
  `flight flight-${Fate.of(arrow)}${toColumn < fromColumn ? " flight-back" : ""}`

interface FlightLineProps {
  readonly arrow: Fate.Packet
  readonly ends: Ends
  readonly line: Line
}

/** The line of a packet, without its end. */
export const FlightLine = ({ arrow, ends, line }: FlightLineProps) => (
  <line class={`flight-line ${classOf(arrow, ends)}`} {...line} />
)

/** The end of the line of a packet: its head, or its cross. It is drawn after the texts, which would cover it. */
export const FlightEnd = ({ arrow, ends, line }: FlightLineProps) => {
  const { x2, y2 } = line
  return arrow.lost ? (
    <path class={`flight-cross ${classOf(arrow, ends)}`} d={`M${x2 - 5} ${y2 - 5}l10 10m0-10l-10 10`} />
  ) : (
    <polygon class={`flight-head ${classOf(arrow, ends)}`} points={headOf(line, 9)} />
  )
}

/** The label of a packet, beside its sender and above its line. */
export const FlightLabel = (props: {
  readonly arrow: Fate.Packet
  readonly ends: Ends
  readonly hostPixels: ReadonlyArray<number>
  readonly y: number
  /** True if the label is to be short. */
  readonly isCrowded?: boolean
  /** True if the label is that of several packets, whose outcomes are seen at their lines. */
  readonly isBroadcast?: boolean
}) => {
  const { arrow, ends, hostPixels, y } = props
  const fromX = hostPixels[ends.fromColumn] ?? 0
  const toX = hostPixels[ends.toColumn] ?? 0
  const direction = directionOf(ends, hostPixels)
  const distance = Math.abs(toX - fromX) - 18
  const room = distance < 0 || props.isBroadcast === true ? Math.max(distance, freeLabelPixels) : distance
  const word = props.isBroadcast === true ? "" : Fate.wordOf[Fate.of(arrow)]
  return (
    <text
      class={`flight-label ${classOf(arrow, ends)}`}
      x={fromX + 9 * direction}
      y={y - 6}
      text-anchor={direction === 1 ? "start" : "end"}
    >
      <title>{arrow.label}</title>
      {labelOf(arrow, word, room, props.isCrowded)}
      {word === "" ? null : <tspan class="flight-word"> · {word}</tspan>}
    </text>
  )
}
