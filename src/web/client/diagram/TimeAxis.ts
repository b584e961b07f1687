/**
 * The vertical axis of a sequence diagram: where each packet, note and state of a run is drawn. Pure.
 *
 * Time flows downwards. The axis is not proportional to time, as a timeout may be a hundred times longer than the way
 * of a packet: long pauses are shortened and marked, and labels that would overlap are moved apart. Positions are
 * pixels, and do not depend on the width of the diagram, so that a playback keeps its place when a window is resized.
 */
import type { Arrow } from "../../Arrow.ts"
import type { Remark, StateChange, Trace } from "../../lab/Trace.ts"
import { lostFraction } from "./Columns.ts"
import { noteChars, wrapText } from "./LabelText.ts"

/** A packet between two columns. */
export interface Flight {
  readonly arrow: Arrow
  readonly startPixels: number
  /** Position of the arrival, or of the loss. */
  readonly endPixels: number
  /** False for a further packet of one broadcast, which starts at the same point. */
  readonly isLabeled: boolean
  /** True if another packet of its sender starts close to it: a long label would cover the lines of others. */
  readonly isCrowded: boolean
  /** True for the first packet of a broadcast, whose packets may have several outcomes under one label. */
  readonly isBroadcast: boolean
}

/**
 * A text beside the line of a host: a new state, or a remark. One on a fault of the network or of a host is written
 * across the diagram; the fault of a packet has none, as it is marked at its arrow.
 */
export interface Note {
  readonly host: string
  readonly positionPixels: number
  readonly tone: "state" | Remark["tone"]
  readonly lines: ReadonlyArray<string>
}

/** A value at a position. */
export interface Placed<A> {
  readonly positionPixels: number
  readonly value: A
}

/** A point of the axis at which something happens. */
export interface Point {
  readonly positionPixels: number
  readonly millis: number
}

/** A pause that is drawn shorter than it is. */
interface Pause {
  readonly fromPixels: number
  readonly toPixels: number
  readonly millis: number
}

/** The axis of a run. All lists are in the order of their positions. */
export interface TimeAxis {
  readonly flights: ReadonlyArray<Flight>
  readonly notes: ReadonlyArray<Note>
  readonly states: ReadonlyArray<Placed<StateChange>>
  readonly remarks: ReadonlyArray<Placed<Remark>>
  readonly points: ReadonlyArray<Point>
  /** Positions at which a playback stops when it goes step by step. */
  readonly stops: ReadonlyArray<number>
  readonly pauses: ReadonlyArray<Pause>
  readonly lengthPixels: number
}

/** Maximum number of lines of a note. */
const maxNoteLines = 3

/** Height of a line of a note. */
export const noteLinePixels = 15

const sizes = {
  topPixels: 30,
  bottomPixels: 28,
  /** Distance between two labels. */
  labelPixels: 20,
  /** Distances of a note between the lines of hosts from the label above it and from the one below it. */
  belowLabelPixels: 4,
  aboveLabelPixels: 22,
  /** Height of a note across the diagram. */
  acrossPixels: 44,
  /** Distance below which two labels of one sender are crowded. */
  crowdedPixels: 28,
  /** Minimum height of an arrow, which shows its direction in time. */
  slopePixels: 14,
  /** Minimum distance between two arrow heads at one host. */
  headPixels: 7,
  /** Distance between an arrow head and the next packet of its host, whose label is between them. */
  replyPixels: 16,
  /** Height of a usual one-way delay. */
  delayPixels: 46,
  /** Maximum height of a pause. */
  pausePixels: 132
} as const

/** Delays beyond which time is drawn shorter, and beyond which this is marked. */
const [proportionalDelays, markedDelays] = [1.5, 5]

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

type Happening =
  | { readonly _tag: "State"; readonly atMillis: number; readonly change: StateChange; readonly isNew: boolean }
  | { readonly _tag: "Remark"; readonly atMillis: number; readonly remark: Remark }
  | { readonly _tag: "Send"; readonly atMillis: number; readonly index: number }

/** Order of what happens at one time, after the packets that arrive: machines change, then packets are sent. */
const rankOf: Readonly<Record<Happening["_tag"], number>> = { State: 0, Remark: 0, Send: 1 }

/** Returns the median of the one-way delays, which is the unit of the axis. */
const usualDelayMillis = (arrows: ReadonlyArray<Arrow>): number => {
  const delays = arrows.flatMap(({ arrivesMillis, sentMillis }) =>
    arrivesMillis === undefined || arrivesMillis <= sentMillis ? [] : [arrivesMillis - sentMillis]
  )
  delays.sort((a, b) => a - b)
  return Math.max(0.05, delays[Math.floor(delays.length / 2)] ?? 1)
}

/** Returns the height of a pause: in proportion to a usual delay at first, by its logarithm beyond. */
const heightOf = (delays: number): number =>
  delays <= proportionalDelays
    ? sizes.delayPixels * delays
    : Math.min(
        sizes.pausePixels,
        sizes.delayPixels * proportionalDelays + sizes.labelPixels * Math.log2(delays / proportionalDelays)
      )

/** Lists what happens in a run but the ends of packets, in order. Only a state with a new name gets a note. */
const happeningsOf = ({ arrows, remarks, states }: Trace): ReadonlyArray<Happening> => {
  const names = new Map<string, string>()
  const changes = states.map((change): Happening => {
    const isNew = names.get(change.host) !== change.state
    names.set(change.host, change.state)
    return { _tag: "State", atMillis: change.atMillis, change, isNew }
  })
  const sends = arrows.map((arrow, index): Happening => ({ _tag: "Send", atMillis: arrow.sentMillis, index }))
  const said = remarks.map((remark): Happening => ({ _tag: "Remark", atMillis: remark.atMillis, remark }))
  return [...changes, ...said, ...sends].sort((a, b) => a.atMillis - b.atMillis || rankOf[a._tag] - rankOf[b._tag])
}

/** Returns true for two packets of one broadcast. */
const isSameBroadcast = (a: Arrow, b: Arrow) =>
  a.from === b.from && a.to !== b.to && a.sentMillis === b.sentMillis && a.kind === b.kind && a.label === b.label

/** Returns the note of a remark beside one of many hosts: `ada suspect` for `ada is suspect: 3 packets missing`. */
const shortNote = (text: string) => (text.split(/[:;]/, 1)[0] ?? text).replace(/ (?:is|has) /, " ")

const byPosition = (one: { readonly positionPixels: number }, other: { readonly positionPixels: number }) =>
  one.positionPixels - other.positionPixels

/** Places everything that happens in a run, one after the other. */
class Placement {
  readonly flights: Array<Mutable<Flight>> = []
  readonly notes: Array<Note> = []
  readonly states: Array<Placed<StateChange>> = []
  readonly remarks: Array<Placed<Remark>> = []
  readonly points: Array<Point> = [{ positionPixels: 0, millis: 0 }]
  readonly pauses: Array<Pause> = []
  #atPixels: number = sizes.topPixels
  #atMillis = 0
  #labelFloorPixels = 0
  /** Position of the first of the notes at the present time; undefined after a packet. */
  #notesFromPixels: number | undefined
  readonly #noteFloorPixels = new Map<string, number>()
  readonly #headFloorPixels = new Map<string, number>()
  readonly #replyFloorPixels = new Map<string, number>()
  readonly #trace: Trace
  readonly #usualDelayMillis: number
  /** Senders and times of packets with a fault. */
  readonly #packetFaults: ReadonlySet<string>

  constructor(trace: Trace) {
    this.#trace = trace
    this.#usualDelayMillis = usualDelayMillis(trace.arrows)
    this.#packetFaults = new Set(
      trace.arrows.flatMap(({ fault, from, sentMillis }) => (fault === undefined ? [] : [`${from} ${sentMillis}`]))
    )
  }

  /** Moves to a time, and to a position of at least `floorPixels`. */
  #moveTo(millis: number, floorPixels: number): number {
    const delays = Math.max(0, millis - this.#atMillis) / this.#usualDelayMillis
    const from = this.#atPixels
    const to = from + heightOf(delays)
    if (delays > markedDelays) {
      this.pauses.push({ fromPixels: from, toPixels: to, millis: millis - this.#atMillis })
    }
    this.#atPixels = Math.max(to, floorPixels)
    this.#atMillis = Math.max(millis, this.#atMillis)
    this.points.push({ positionPixels: this.#atPixels, millis: this.#atMillis })
    return this.#atPixels
  }

  /** Places a note. Notes of one time at several hosts begin at one height. */
  #note(host: string, tone: Note["tone"], text: string, atMillis: number): number {
    const isBetween = this.#trace.hosts.length !== 2
    const lines = isBetween ? [shortNote(text)] : wrapText(text, noteChars, maxNoteLines)
    if (this.#notesFromPixels === undefined || atMillis > this.#atMillis) {
      this.#notesFromPixels = this.#moveTo(atMillis, 0)
    }
    const floor = this.#noteFloorPixels.get(host) ?? 0
    const labelFloor = isBetween ? this.#labelFloorPixels + sizes.belowLabelPixels - sizes.labelPixels : 0
    const positionPixels = Math.max(this.#notesFromPixels, floor, labelFloor)
    if (positionPixels > this.#atPixels) this.#moveTo(atMillis, positionPixels)
    this.#noteFloorPixels.set(host, positionPixels + lines.length * noteLinePixels + 2)
    if (isBetween) this.#labelFloorPixels = Math.max(this.#labelFloorPixels, positionPixels + sizes.aboveLabelPixels)
    this.notes.push({ host, positionPixels, tone, lines })
    return positionPixels
  }

  /** Places a state that has no note. Later notes of its host are not above it. */
  #state(host: string, atMillis: number): number {
    const positionPixels = this.#moveTo(atMillis, 0)
    this.#noteFloorPixels.set(host, Math.max(positionPixels, this.#noteFloorPixels.get(host) ?? 0))
    return positionPixels
  }

  /** Places the start of a packet, and returns the time of its end. */
  send(index: number): number {
    this.#notesFromPixels = undefined
    const arrow = this.#trace.arrows[index]!
    const previous = this.flights.at(-1)
    const isLabeled = previous === undefined || !isSameBroadcast(previous.arrow, arrow)
    const startPixels = isLabeled
      ? this.#moveTo(arrow.sentMillis, Math.max(this.#labelFloorPixels, this.#replyFloorPixels.get(arrow.from) ?? 0))
      : Math.min(previous.startPixels, this.#atPixels)
    if (isLabeled) this.#labelFloorPixels = startPixels + sizes.labelPixels
    const neighbour = isLabeled ? this.flights.findLast(({ arrow: { from } }) => from === arrow.from) : undefined
    const isCrowded = neighbour !== undefined && startPixels - neighbour.startPixels < sizes.crowdedPixels
    if (isCrowded) neighbour.isCrowded = true
    if (!isLabeled) this.flights.findLast((flight) => flight.isLabeled)!.isBroadcast = true
    this.flights.push({ arrow, startPixels, endPixels: startPixels, isLabeled, isCrowded, isBroadcast: false })
    return arrow.lost || arrow.arrivesMillis === undefined
      ? arrow.sentMillis + this.#usualDelayMillis * lostFraction
      : arrow.arrivesMillis
  }

  /** Places the end of a packet. */
  end(index: number, atMillis: number): void {
    this.#notesFromPixels = undefined
    const flight = this.flights[index]!
    const { lost, to } = flight.arrow
    const headFloor = lost ? 0 : (this.#headFloorPixels.get(to) ?? 0)
    flight.endPixels = this.#moveTo(atMillis, Math.max(flight.startPixels + sizes.slopePixels, headFloor))
    if (lost) return
    this.#headFloorPixels.set(to, flight.endPixels + sizes.headPixels)
    this.#replyFloorPixels.set(to, flight.endPixels + sizes.replyPixels)
  }

  /** Places a remark on a fault. */
  #fault({ atMillis, host, text }: Remark): number {
    if (this.#packetFaults.has(`${host} ${atMillis}`)) return this.#moveTo(atMillis, 0)
    const positionPixels = this.#moveTo(atMillis, Math.max(this.#labelFloorPixels, ...this.#noteFloorPixels.values()))
    this.#labelFloorPixels = positionPixels + sizes.acrossPixels
    for (const host of this.#trace.hosts) this.#noteFloorPixels.set(host, positionPixels + sizes.acrossPixels)
    this.notes.push({ host, positionPixels, tone: "fault", lines: [text] })
    return positionPixels
  }

  /** Places a state or a remark. */
  say(happening: Extract<Happening, { _tag: "State" | "Remark" }>): void {
    if (happening._tag === "Remark") {
      const { atMillis, host, text, tone } = happening.remark
      const positionPixels = tone === "fault" ? this.#fault(happening.remark) : this.#note(host, tone, text, atMillis)
      this.remarks.push({ positionPixels, value: happening.remark })
      return
    }
    const { atMillis, host, state } = happening.change
    const hasNote = happening.isNew && this.#trace.hosts.length === 2
    const positionPixels = hasNote ? this.#note(host, "state", state, atMillis) : this.#state(host, atMillis)
    this.states.push({ positionPixels, value: happening.change })
  }

  /** Ends the axis; all texts fit above its end. */
  finish(endMillis: number): number {
    const floors = [this.#labelFloorPixels, ...this.#noteFloorPixels.values()]
    return this.#moveTo(Math.max(endMillis, this.#atMillis), Math.max(...floors)) + sizes.bottomPixels
  }
}

/** Returns the positions of all points, but of those at one time in a row only the last. */
const stopsOf = (points: ReadonlyArray<Point>, flights: ReadonlyArray<Flight>): ReadonlyArray<number> => {
  const ofPackets = new Set(flights.flatMap(({ endPixels, startPixels }) => [startPixels, endPixels]))
  const ends = points.filter(({ millis }, at) => {
    const next = points[at + 1]
    return next === undefined || next.millis > millis || ofPackets.has(next.positionPixels)
  })
  return [...new Set([0, ...ends.map(({ positionPixels }) => positionPixels)])]
}

/** Returns the axis of a run. */
export const make = (trace: Trace): TimeAxis => {
  const placement = new Placement(trace)
  /** Packets on their way, in the order of their ends. */
  const inFlight: Array<{ readonly atMillis: number; readonly index: number }> = []
  const endUntil = (millis: number) => {
    while (inFlight[0] !== undefined && inFlight[0].atMillis <= millis) {
      const { atMillis, index } = inFlight.shift()!
      placement.end(index, atMillis)
    }
  }
  for (const happening of happeningsOf(trace)) {
    endUntil(happening.atMillis)
    if (happening._tag === "Send") {
      const atMillis = placement.send(happening.index)
      const after = inFlight.findIndex((other) => other.atMillis > atMillis)
      inFlight.splice(after === -1 ? inFlight.length : after, 0, { atMillis, index: happening.index })
    } else placement.say(happening)
  }
  endUntil(Number.POSITIVE_INFINITY)
  const lengthPixels = placement.finish(trace.endMillis)
  const { flights, notes, pauses, points, remarks, states } = placement
  return {
    flights,
    notes: notes.sort(byPosition),
    states: states.sort(byPosition),
    remarks: remarks.sort(byPosition),
    pauses,
    points: [...points, { positionPixels: lengthPixels, millis: points.at(-1)!.millis }],
    stops: [...stopsOf(points, flights).slice(0, -1), lengthPixels],
    lengthPixels
  }
}

/** Returns the number of elements at or above a position, of a list in the order of positions. */
export const countUntil = <A>(list: ReadonlyArray<A>, positionPixels: number, of: (element: A) => number): number => {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (of(list[middle]!) <= positionPixels) low = middle + 1
    else high = middle
  }
  return low
}

/** Returns the time at a position. */
export const millisAt = ({ points }: TimeAxis, positionPixels: number): number => {
  const after = countUntil(points, positionPixels, (point) => point.positionPixels)
  const from = points[Math.max(0, after - 1)]
  const to = points[after]
  if (from === undefined) return 0
  if (to === undefined) return from.millis
  const fraction = (positionPixels - from.positionPixels) / (to.positionPixels - from.positionPixels)
  return from.millis + fraction * (to.millis - from.millis)
}

/** The state of a machine, and the one before it. */
export interface MachineState {
  readonly now: StateChange
  readonly before: StateChange | undefined
}

/** Returns the state of each host at a position; before the first packet, the states in which a run begins. */
export const statesAt = ({ states }: TimeAxis, positionPixels: number): ReadonlyMap<string, MachineState> => {
  const machines = new Map<string, MachineState>()
  const from = Math.max(sizes.topPixels, positionPixels)
  for (const { value } of states.slice(
    0,
    countUntil(states, from, (state) => state.positionPixels)
  )) {
    machines.set(value.host, { now: value, before: machines.get(value.host)?.now })
  }
  return machines
}
