/** The horizontal geometry of a sequence diagram: where the lines of the hosts are, and arrows between them. Pure. */
import { noteChars } from "./LabelText.ts"

/** The columns of a diagram. */
export interface Columns {
  readonly widthPixels: number
  /** Width of the column of times, at the left; 0 in a narrow diagram. */
  readonly timePixels: number
  /** Width for notes to the left of the first host and to the right of the last; 0 if notes have no room. */
  readonly notePixels: number
  /** Position of the line of each host. */
  readonly hostPixels: ReadonlyArray<number>
}

/** Width of a note, with its distance from the line of its host. */
const notePixels = noteChars * 6.4 + 20

/** Minimum distance between two hosts beside which notes are written. */
const minGapPixels = 210

/** Maximum distance of the first and the last host from the sides, without notes. */
const maxMarginPixels = 72

/** Width of a note to the right of the last of many hosts. */
const manyNotePixels = 118

/** Width from which a diagram has a column of times. */
const wideDiagramPixels = 520

/** Width of the column of times. */
const timePixels = 62

/** Maximum distance between two hosts, whose arrows would be too long to follow. */
const maxGapPixels = 520

/** Options of columns. */
export interface Options {
  /** True if notes may be written beside the hosts. Default: true. */
  readonly hasNotes?: boolean
  /** Width of the column of times in a wide diagram. Default: that of a time in milliseconds. */
  readonly timePixels?: number
}

/** Returns the columns of a diagram for its hosts and its width. Notes are written beside two hosts only. */
export const make = (hostCount: number, widthPixels: number, options: Options = {}): Columns => {
  const time = widthPixels >= wideDiagramPixels ? (options.timePixels ?? timePixels) : 0
  const rest = widthPixels - time
  const hasNotes = options.hasNotes !== false && hostCount === 2 && rest >= 2 * notePixels + minGapPixels
  const margin = hasNotes ? notePixels : Math.min(maxMarginPixels, rest / (2 * Math.max(1, hostCount)))
  // Between many hosts notes are to the right of their line.
  const rightMargin =
    hostCount > 2 && time > 0 && options.hasNotes !== false ? Math.max(margin, manyNotePixels) : margin
  const room = rest - margin - rightMargin
  const distance = hostCount > 1 ? Math.min(maxGapPixels, room / (hostCount - 1)) : 0
  const first = time + margin + (room - distance * (hostCount - 1)) / 2
  return {
    widthPixels,
    timePixels: time,
    notePixels: hasNotes ? notePixels : 0,
    hostPixels: Array.from({ length: hostCount }, (_, at) => Math.round(first + at * distance))
  }
}

/** Returns the width that the name of a host has. */
export const headingPixels = ({ hostPixels, notePixels, timePixels, widthPixels }: Columns): number => {
  const [first = 0, second] = hostPixels
  if (second === undefined) return widthPixels - timePixels
  return Math.min(second - first, 2 * Math.max(notePixels, first - timePixels)) - 8
}

/** Fraction of its way at which a lost packet ends. */
export const lostFraction = 0.56

/** The line of a packet, in pixels. */
export interface Line {
  readonly x1: number
  readonly y1: number
  readonly x2: number
  readonly y2: number
}

/** Returns the line of a packet between two hosts, of which a part is drawn; `fraction` is 1 for the whole. */
export const lineBetween = (
  [fromX, toX]: readonly [number, number],
  [fromY, toY]: readonly [number, number],
  fraction: number
): Line => ({ x1: fromX, y1: fromY, x2: fromX + (toX - fromX) * fraction, y2: toY })

/** Returns the head of an arrow as the points of a polygon. */
export const headOf = ({ x1, x2, y1, y2 }: Line, sizePixels: number): string => {
  const angle = Math.atan2(y2 - y1, x2 - x1)
  const corner = (turn: number) =>
    [x2 - sizePixels * Math.cos(angle + turn), y2 - sizePixels * Math.sin(angle + turn)].map((at) => at.toFixed(1))
  return [[x2.toFixed(1), y2.toFixed(1)], corner(0.42), corner(-0.42)].map((point) => point.join(",")).join(" ")
}

/** Returns the point of a line at a height, which is where a packet is at a time. */
export const pointAt = ({ x1, x2, y1, y2 }: Line, y: number): { readonly x: number; readonly y: number } => ({
  x: y2 === y1 ? x2 : x1 + ((x2 - x1) * (Math.min(Math.max(y, y1), y2) - y1)) / (y2 - y1),
  y: Math.min(Math.max(y, y1), y2)
})
