/**
 * The sequence diagram of a run, at a position of its playback. Hosts are side by side, time flows downwards, and
 * packets are dots that travel along their arrows.
 *
 * The lines are drawn once, in groups. A group of the past is shown whole, and one of the present is clipped at the
 * position, so that a frame paints only a part of a long diagram anew.
 */
import type { ComponentChildren, RefObject } from "preact"
import { useId, useLayoutEffect, useMemo, useRef } from "preact/hooks"
import { memo, Still } from "../parts/memo.tsx"
import { classOf, type Ends, FlightEnd, FlightLabel, FlightLine, lineOf } from "./ArrowMarks.tsx"
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

/** Draws an element. */
type Draw = () => ComponentChildren

/** Function that draws an element, at the position of the element. */
type Placed = TimeAxis.Placed<Draw>

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

/** Number of packets in a group of lines. */
const groupFlights = 16

/** Lines of packets that are drawn together. */
interface LineGroup {
  readonly startPixels: number
  readonly endPixels: number
  readonly draw: Draw
}

/** Returns the lines of the packets in groups. */
const groupsOf = (drawn: ReadonlyArray<Drawn>, hostPixels: ReadonlyArray<number>): ReadonlyArray<LineGroup> =>
  Array.from({ length: Math.ceil(drawn.length / groupFlights) }, (_, group) => {
    const flights = drawn.slice(group * groupFlights, (group + 1) * groupFlights)
    return {
      startPixels: flights[0]?.startPixels ?? 0,
      endPixels: Math.max(...flights.map(({ endPixels }) => endPixels)),
      draw: () =>
        flights.map(({ arrow, endPixels, ends, startPixels }, at) => (
          <FlightLine
            arrow={arrow}
            ends={ends}
            line={lineOf(arrow, ends, hostPixels, [startPixels, endPixels])}
            key={at}
          />
        ))
    }
  })

/** Returns the ends of the packets, from the top. A packet on its way has none yet. */
const endsOf = (drawn: ReadonlyArray<Drawn>, hostPixels: ReadonlyArray<number>): ReadonlyArray<Placed> =>
  drawn
    .map(({ arrow, endPixels, ends, startPixels }): Placed => {
      const line = lineOf(arrow, ends, hostPixels, [startPixels, endPixels])
      return { positionPixels: endPixels, value: () => <FlightEnd arrow={arrow} ends={ends} line={line} /> }
    })
    .sort((one, other) => one.positionPixels - other.positionPixels)

/** Returns the pauses, and the times beside the diagram, from the top. */
const marksOf = (axis: TimeAxis.TimeAxis, columns: Columns.Columns, format: Format): ReadonlyArray<Placed> => {
  const hasTimes = columns.timePixels > 0
  const pauses = axis.pauses.map(({ fromPixels, millis, toPixels }): Placed => {
    const y = (fromPixels + toPixels) / 2
    const mark = () => (
      <g>
        {columns.hostPixels.map((x) => (
          <path class="diagram-break" d={`M${x - 6} ${y - 1}l12 -6M${x - 6} ${y + 5}l12 -6`} key={x} />
        ))}
        {hasTimes && <Time class="diagram-pause" columns={columns} y={y} text={`+${format(millis)}`} />}
      </g>
    )
    return { positionPixels: y, value: mark }
  })
  const times = (hasTimes ? timesOf(axis, format) : []).map(({ millis, positionPixels: y }): Placed => {
    const mark = () => <Time class="diagram-time" columns={columns} y={y} text={format(millis)} />
    return { positionPixels: y, value: mark }
  })
  return [...pauses, ...times].sort((one, other) => one.positionPixels - other.positionPixels)
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
  // At the beginning the clock is below the headings.
  const clockAt = Math.max(at, 12)
  return (
    <>
      <line class="diagram-now" x1={timePixels} x2={widthPixels} y1={at} y2={at} />
      {timePixels > 0 && (
        <g class="diagram-clock">
          <rect x={2} y={clockAt - 9} width={timePixels - 8} height={18} rx={4} />
          <Time class="diagram-clock-text" columns={columns} y={clockAt} text={time} />
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

/** Scrolls a diagram so that the present stays in view, once it is drawn: once its width is known. */
const useFollow = (box: RefObject<HTMLElement>, isFollowing: boolean, positionPixels: number, isDrawn: boolean) =>
  useLayoutEffect(() => {
    const { current } = box
    if (current === null || !isFollowing) return
    current.scrollTop = Math.max(0, positionPixels - current.clientHeight * followedFraction)
  }, [isFollowing, positionPixels, isDrawn])

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

/** Prepares once all that does not depend on the position. Of the lists, a beginning is shown. */
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
      groups: groupsOf(drawn, columns.hostPixels),
      ends: endsOf(drawn, columns.hostPixels),
      marks: marksOf(axis, columns, format),
      labels: drawn.map(({ arrow, ends, isBroadcast, isCrowded, isLabeled, startPixels: y }): Placed => {
        const value = () =>
          isLabeled && <FlightLabel {...{ arrow, ends, isBroadcast, isCrowded, y }} hostPixels={columns.hostPixels} />
        return { positionPixels: y, value }
      }),
      notes: axis.notes.map((note): Placed => {
        const value = () => <NoteMark note={note} columns={columns} hosts={hosts} />
        return { positionPixels: note.positionPixels, value }
      })
    }
  }, [axis, columns, format, hosts])
}

/** The first elements of a list. */
const First = memo(({ count, list }: { readonly count: number; readonly list: ReadonlyArray<Placed> }) => (
  <g>
    {list.slice(0, count).map(({ value }, at) => (
      <Still draw={value} key={at} />
    ))}
  </g>
))

/** The elements of a list up to a position. */
const Until = ({ at, list }: { readonly at: number; readonly list: ReadonlyArray<Placed> }) => (
  <First count={TimeAxis.countUntil(list, at, (one) => one.positionPixels)} list={list} />
)

/** The lines of the packets up to a position. */
const Lines = (props: { readonly groups: ReadonlyArray<LineGroup>; readonly at: number; readonly width: number }) => {
  const { at, groups, width } = props
  const clipId = useId()
  return (
    <>
      <clipPath id={clipId}>
        <rect width={width} height={at} />
      </clipPath>
      {groups.map(({ draw, endPixels, startPixels }, index) =>
        startPixels > at ? null : (
          <g clip-path={endPixels > at ? `url(#${clipId})` : undefined} key={index}>
            <Still draw={draw} />
          </g>
        )
      )}
    </>
  )
}

const StillHeadings = memo(HostHeadings)

/** Returns the states of the hosts as a function: another one only with another state. */
const useStates = ({ axis, positionPixels }: SequenceDiagramProps) => {
  const stateCount = TimeAxis.countUntil(axis.states, positionPixels, (state) => state.positionPixels)
  return useMemo(() => {
    const states = TimeAxis.statesAt(axis, positionPixels)
    return (host: string) => states.get(host)?.now.state
  }, [axis, stateCount])
}

/** The diagram of a run. */
export const SequenceDiagram = (props: SequenceDiagramProps) => {
  const { axis, format, isFollowing, positionPixels } = props
  const box = useRef<HTMLElement>(null)
  const widthPixels = useWidth(box)
  useFollow(box, isFollowing, positionPixels, widthPixels > 0)
  const { columns, drawn, ends, groups, labels, marks, notes } = useDrawing(props, widthPixels)
  const stateOf = useStates(props)
  const isOver = positionPixels >= axis.lengthPixels
  return (
    <ScrollBox class="diagram" label={props.label} box={box} onKeyDown={props.onKeyDown} onHandScroll={props.onScroll}>
      <StillHeadings columns={columns} hosts={props.hosts} timeHeading="ms" stateOf={stateOf} />
      {widthPixels > 0 && (
        <svg width={widthPixels} height={axis.lengthPixels} aria-hidden="true">
          {columns.hostPixels.map((x) => (
            <line class="diagram-life" x1={x} x2={x} y1={0} y2={axis.lengthPixels} key={x} />
          ))}
          <Until list={marks} at={positionPixels} />
          <g>
            <Lines groups={groups} at={positionPixels} width={widthPixels} />
          </g>
          <Until list={labels} at={positionPixels} />
          <Until list={notes} at={positionPixels} />
          <Until list={ends} at={positionPixels} />
          {!isOver && (
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
