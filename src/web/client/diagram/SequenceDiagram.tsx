/**
 * The sequence diagram of a run, at a position of its playback: hosts side by side, time downwards, packets as dots that
 * travel along their arrows.
 *
 * All lines of the run are drawn once, and a clip at the position shows those of the past; what is drawn anew for each
 * frame is the line of the present with the packets on their way.
 */
import { useId, useLayoutEffect, useMemo, useRef } from "preact/hooks"
import { classOf, type Ends, FlightLabel, FlightLine, lineOf } from "./ArrowMarks.tsx"
import * as Columns from "./Columns.ts"
import { HostHeadings } from "./HostHeadings.tsx"
import { NoteMark } from "./NoteMark.tsx"
import { ScrollBox } from "./ScrollBox.tsx"
import * as TimeAxis from "./TimeAxis.ts"
import { useWidth } from "./useWidth.ts"

/** Fraction of the height of a diagram at which it keeps the present while it follows the playback. */
const followedFraction = 0.66

/** A packet of the axis with its columns. */
interface Drawn extends TimeAxis.Flight {
  readonly ends: Ends
}

/** Formats a time of a run in milliseconds. */
type Format = (millis: number) => string

/** Minimum distance of two times in the column of times. */
const timeDistancePixels = 19

/** Distance of a time from the diagram. */
const timeMarginPixels = 12

/** Returns the points whose times are written, from the top, with a distance; a time is written once. */
const timesOf = ({ points }: TimeAxis.TimeAxis, format: Format): ReadonlyArray<TimeAxis.Point> => {
  let floor = 0
  let last = ""
  return points.filter(({ millis, positionPixels }) => {
    if (positionPixels < floor || positionPixels === 0 || format(millis) === last) return false
    floor = positionPixels + timeDistancePixels
    last = format(millis)
    return true
  })
}

/** A text in the column of times. */
const Time = (props: {
  readonly class: string
  readonly columns: Columns.Columns
  readonly y: number
  readonly text: string
}) => (
  <text class={props.class} x={props.columns.timePixels - timeMarginPixels} y={props.y + 4} text-anchor="end">
    {props.text}
  </text>
)

/** The still parts of a diagram: the lines of the packets, the times and the pauses. */
const Still = (props: {
  readonly axis: TimeAxis.TimeAxis
  readonly columns: Columns.Columns
  readonly drawn: ReadonlyArray<Drawn>
  readonly format: Format
}) => {
  const { axis, columns, drawn, format } = props
  const { hostPixels, timePixels } = columns
  const hasTimes = timePixels > 0
  return (
    <>
      {axis.pauses.map(({ fromPixels, millis, toPixels }) => {
        const y = (fromPixels + toPixels) / 2
        return (
          <g key={fromPixels}>
            {hostPixels.map((x) => (
              <path class="diagram-break" d={`M${x - 6} ${y - 1}l12 -6M${x - 6} ${y + 5}l12 -6`} key={x} />
            ))}
            {hasTimes && <Time class="diagram-pause" columns={columns} y={y} text={`+${format(millis)}`} />}
          </g>
        )
      })}
      {hasTimes &&
        timesOf(axis, format).map(({ millis, positionPixels }) => (
          <Time class="diagram-time" columns={columns} y={positionPixels} text={format(millis)} key={positionPixels} />
        ))}
      {drawn.map(({ arrow, endPixels, ends, startPixels }, at) => (
        <FlightLine
          arrow={arrow}
          ends={ends}
          line={lineOf(arrow, ends, hostPixels, [startPixels, endPixels])}
          key={at}
        />
      ))}
    </>
  )
}

/** The moving parts of a diagram: the line of the present and the packets on their way. */
const Present = (props: {
  readonly columns: Columns.Columns
  readonly drawn: ReadonlyArray<Drawn>
  readonly positionPixels: number
  readonly time: string
}) => {
  const { columns, drawn, positionPixels: at, time } = props
  const { hostPixels, timePixels, widthPixels } = columns
  return (
    <>
      <line class="diagram-now" x1={timePixels} x2={widthPixels} y1={at} y2={at} />
      {timePixels > 0 && (
        <g class="diagram-clock">
          <rect x={2} y={at - 9} width={timePixels - 8} height={18} rx={4} />
          <Time class="diagram-clock-text" columns={columns} y={at} text={time} />
        </g>
      )}
      {drawn.map(({ arrow, endPixels, ends, startPixels }, index) => {
        if (startPixels > at || endPixels <= at) return null
        const { x, y } = Columns.pointAt(lineOf(arrow, ends, hostPixels, [startPixels, endPixels]), at)
        return <circle class={`flight-dot ${classOf(arrow, ends)}`} cx={x} cy={y} r={5.5} key={index} />
      })}
    </>
  )
}

/** Scrolls a diagram so that the present stays in view. */
const useFollow = (isFollowing: boolean, positionPixels: number) => {
  const box = useRef<HTMLElement>(null)
  useLayoutEffect(() => {
    const { current } = box
    if (current === null || !isFollowing) return
    current.scrollTop = Math.max(0, positionPixels - current.clientHeight * followedFraction)
  }, [isFollowing, positionPixels])
  return box
}

/** Properties of the diagram of a run. */
export interface SequenceDiagramProps {
  readonly axis: TimeAxis.TimeAxis
  readonly hosts: ReadonlyArray<string>
  readonly positionPixels: number
  readonly label: string
  readonly format: Format
  /** True while the present is kept in view. */
  readonly isFollowing: boolean
  /** Called when the reader scrolls by hand. */
  readonly onScroll: () => void
  readonly onKeyDown: (event: KeyboardEvent) => void
}

/** Draws once what does not depend on the position. Labels and notes are lists, of which a beginning is shown. */
const useDrawing = ({ axis, format, hosts }: SequenceDiagramProps, widthPixels: number) => {
  const columns = useMemo(() => Columns.make(hosts.length, widthPixels), [hosts.length, widthPixels])
  return useMemo(() => {
    const drawn = axis.flights.map((flight): Drawn => {
      const ends = { fromColumn: hosts.indexOf(flight.arrow.from), toColumn: hosts.indexOf(flight.arrow.to) }
      return { ...flight, ends }
    })
    return {
      columns,
      drawn,
      still: <Still axis={axis} columns={columns} drawn={drawn} format={format} />,
      labels: drawn.map(
        ({ arrow, ends, isBroadcast, isCrowded, isLabeled, startPixels: y }, at) =>
          isLabeled && (
            <FlightLabel {...{ arrow, ends, isBroadcast, isCrowded, y }} hostPixels={columns.hostPixels} key={at} />
          )
      ),
      notes: axis.notes.map((note, at) => <NoteMark note={note} columns={columns} hosts={hosts} key={at} />)
    }
  }, [axis, columns, format, hosts])
}

/** The diagram of a run. */
export const SequenceDiagram = (props: SequenceDiagramProps) => {
  const { axis, format, hosts, isFollowing, positionPixels } = props
  const box = useFollow(isFollowing, positionPixels)
  const widthPixels = useWidth(box)
  const clipId = useId()
  const { columns, drawn, labels, notes, still } = useDrawing(props, widthPixels)
  const sentCount = TimeAxis.countUntil(drawn, positionPixels, ({ startPixels }) => startPixels)
  const noteCount = TimeAxis.countUntil(axis.notes, positionPixels, (note) => note.positionPixels)
  const stateCount = TimeAxis.countUntil(axis.states, positionPixels, (state) => state.positionPixels)
  const heads = useMemo(() => {
    const states = TimeAxis.statesAt(axis, positionPixels)
    const stateOf = (host: string) => states.get(host)?.now.state
    return <HostHeadings columns={columns} hosts={hosts} timeHeading="ms" stateOf={stateOf} />
  }, [axis, columns, hosts, stateCount])
  return (
    <ScrollBox class="diagram" label={props.label} box={box} onKeyDown={props.onKeyDown} onHandScroll={props.onScroll}>
      {heads}
      {widthPixels > 0 && (
        <svg width={widthPixels} height={axis.lengthPixels} aria-hidden="true">
          <clipPath id={clipId}>
            <rect width={widthPixels} height={positionPixels} />
          </clipPath>
          {columns.hostPixels.map((x) => (
            <line class="diagram-life" x1={x} x2={x} y1={0} y2={axis.lengthPixels} key={x} />
          ))}
          <g clip-path={`url(#${clipId})`}>{still}</g>
          <g>{labels.slice(0, sentCount)}</g>
          <g>{notes.slice(0, noteCount)}</g>
          {positionPixels < axis.lengthPixels && (
            <Present
              columns={columns}
              drawn={drawn}
              positionPixels={positionPixels}
              time={format(TimeAxis.millisAt(axis, positionPixels))}
            />
          )}
        </svg>
      )}
    </ScrollBox>
  )
}
