/**
 * The sequence diagram of live traffic: one row for each packet, the newest at the bottom. The time of arrival is not
 * known on a real network, so that arrows are level.
 */
import { useLayoutEffect, useMemo, useRef } from "preact/hooks"
import { classOf, type Ends, FlightEnd, FlightLabel, FlightLine, lineOf } from "../diagram/ArrowMarks.tsx"
import * as Columns from "../diagram/Columns.ts"
import type * as Fate from "../diagram/Fate.ts"
import { HostHeadings } from "../diagram/HostHeadings.tsx"
import { ScrollBox } from "../diagram/ScrollBox.tsx"
import { useWidth } from "../diagram/useWidth.ts"
import { memo } from "../parts/memo.tsx"
import * as LiveLog from "./LiveLog.ts"

const rowPixels = 26
const topPixels = 24

/** Minimum distance between two columns. */
const minColumnPixels = 112

/** Distance from the bottom within which a diagram keeps its newest packets in view. */
const bottomPixels = 40

/** Width of the column of times. */
const timePixels = 92

/** Formats a time of day with milliseconds, such as `14:03:07.250`. */
export const timeOf = (millis: number): string => {
  const time = new Date(millis)
  return `${time.toTimeString().slice(0, "14:03:07".length)}.${`${time.getMilliseconds()}`.padStart(3, "0")}`
}

/** The places of the hosts. */
interface Layout {
  readonly columns: Columns.Columns
  readonly columnOf: ReadonlyMap<string, number>
}

/** A packet. One that moves crosses the diagram once, when it is new; its line, label and time are there at once. */
const PacketRow = (props: {
  readonly arrow: Fate.Packet
  readonly isMoving: boolean
  readonly layout: Layout
  readonly y: number
}) => {
  const { arrow, y } = props
  const { columnOf, columns } = props.layout
  const { hostPixels, timePixels: hostTimePixels } = columns
  const ends: Ends = { fromColumn: columnOf.get(arrow.from) ?? 0, toColumn: columnOf.get(arrow.to) ?? 0 }
  const line = lineOf(arrow, ends, hostPixels, [y, ends.fromColumn === ends.toColumn ? y + 6 : y])
  const style = { "--from": `${line.x1}px`, "--to": `${line.x2}px` }
  return (
    <g class="flight-live" style={style}>
      {hostTimePixels > 0 && (
        <text class="diagram-time" x={hostTimePixels - 12} y={y + 4} text-anchor="end">
          {timeOf(arrow.sentMillis)}
        </text>
      )}
      <FlightLabel arrow={arrow} ends={ends} hostPixels={hostPixels} y={y} />
      <FlightLine arrow={arrow} ends={ends} line={line} />
      <FlightEnd arrow={arrow} ends={ends} line={line} />
      {props.isMoving && <circle class={`flight-dot flight-dot-live ${classOf(arrow, ends)}`} cx={0} cy={y} r={5} />}
    </g>
  )
}

/** A row: drawn once for each layout, since its position does not change. */
const LiveRow = memo(({ layout, row }: { readonly layout: Layout; readonly row: LiveLog.Row }) => {
  const y = row.row * rowPixels
  if (row._tag === "Packet") return <PacketRow arrow={row.arrow} isMoving={row.isMoving} layout={layout} y={y} />
  const { timePixels, widthPixels } = layout.columns
  return (
    <text class="diagram-pause" x={(timePixels + widthPixels) / 2} y={y + 4} text-anchor="middle">
      {row.count === 1 ? "1 packet not shown" : `${row.count.toLocaleString("en")} packets not shown`}
    </text>
  )
})

/** Keeps the newest packets in view, unless the reader has scrolled away from them. */
const useNewest = (nextRow: number) => {
  const box = useRef<HTMLElement>(null)
  const isAtEnd = useRef(true)
  useLayoutEffect(() => {
    const { current } = box
    if (current !== null && isAtEnd.current) current.scrollTop = current.scrollHeight
  }, [nextRow])
  const onScroll = () => {
    const { current } = box
    if (current === null) return
    isAtEnd.current = current.scrollHeight - current.scrollTop - current.clientHeight < bottomPixels
  }
  return { box, onScroll }
}

/** The diagram of the latest packets. */
export const LiveDiagram = (props: { readonly label: string; readonly log: LiveLog.LiveLog }) => {
  const { label, log } = props
  const { box, onScroll } = useNewest(log.nextRow)
  const widthPixels = useWidth(box)
  const live = useMemo(
    () => LiveLog.columnsOf(log, Math.max(2, Math.floor(widthPixels / minColumnPixels))),
    [log, widthPixels]
  )
  const layoutKey = `${widthPixels} ${[...live.columnOf].join(" ")}`
  const layout = useMemo(
    (): Layout => ({
      columns: Columns.make(live.names.length, widthPixels, { hasNotes: false, timePixels }),
      columnOf: live.columnOf
    }),
    [layoutKey]
  )
  const { columns } = layout
  const firstRow = log.rows[0]?.row ?? 0
  const height = topPixels + log.rows.length * rowPixels
  return (
    <ScrollBox class="diagram" label={label} box={box} onScroll={onScroll}>
      <HostHeadings columns={columns} hosts={live.names} timeHeading="time" />
      {widthPixels > 0 && (
        <svg width={widthPixels} height={height} aria-hidden="true">
          {columns.hostPixels.map((x) => (
            <line class="diagram-life" x1={x} x2={x} y1={0} y2={height} key={x} />
          ))}
          <g transform={`translate(0 ${topPixels - firstRow * rowPixels})`}>
            {log.rows.map((row) => (
              <LiveRow layout={layout} row={row} key={row.row} />
            ))}
          </g>
        </svg>
      )}
    </ScrollBox>
  )
}
