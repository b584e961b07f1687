/**
 * The playback of a run: a position on the axis of the diagram, and how it moves. Pure.
 *
 * The position moves at a constant speed over the diagram, and thus faster through the pauses of the run, which the
 * diagram shortens.
 */

/** The state of a playback. */
export interface Playback {
  readonly positionPixels: number
  readonly lengthPixels: number
  /** Positions for steps, in order; the last one is the end. */
  readonly stops: ReadonlyArray<number>
  readonly isPlaying: boolean
  readonly speed: number
}

/** An event of a playback. */
export type Event =
  /** A run was loaded. It is shown whole unless it begins to play. */
  | {
      readonly _tag: "Loaded"
      readonly lengthPixels: number
      readonly stops: ReadonlyArray<number>
      readonly plays: boolean
    }
  /** Time has passed. */
  | { readonly _tag: "Ticked"; readonly elapsedMillis: number }
  /** Play or pause was pressed; at the end, play begins anew. */
  | { readonly _tag: "Toggled" }
  | { readonly _tag: "Replayed" }
  | { readonly _tag: "Stepped"; readonly direction: 1 | -1 }
  | { readonly _tag: "Sought"; readonly positionPixels: number }
  | { readonly _tag: "SpeedChosen"; readonly speed: number }

/** Speeds to choose from. */
export const speeds: ReadonlyArray<number> = [0.25, 0.5, 1, 2, 4, 8]

/** Distance on the axis in a second at speed 1. */
export const pixelsPerSecond = 64

/** Maximum time of one tick, for a page that was hidden. */
const maxTickMillis = 100

/** The playback of nothing. */
export const empty: Playback = { positionPixels: 0, lengthPixels: 0, stops: [], isPlaying: false, speed: 1 }

const clamp = (value: number, max: number) => (Number.isFinite(value) ? Math.min(max, Math.max(0, value)) : 0)

/** Returns the next stop in a direction; without one, the end or the beginning. */
const nextStop = ({ lengthPixels, positionPixels, stops }: Playback, direction: 1 | -1): number =>
  direction === 1
    ? (stops.find((stop) => stop > positionPixels + 0.01) ?? lengthPixels)
    : (stops.findLast((stop) => stop < positionPixels - 0.01) ?? 0)

const handlers: {
  readonly [Tag in Event["_tag"]]: (state: Playback, event: Extract<Event, { _tag: Tag }>) => Playback
} = {
  Loaded: (state, { lengthPixels, plays, stops }) => ({
    ...state,
    lengthPixels,
    stops,
    isPlaying: plays && lengthPixels > 0,
    positionPixels: plays ? 0 : lengthPixels
  }),
  Ticked: (state, { elapsedMillis }) => {
    if (!state.isPlaying) return state
    const distance = (clamp(elapsedMillis, maxTickMillis) / 1000) * pixelsPerSecond * state.speed
    const positionPixels = clamp(state.positionPixels + distance, state.lengthPixels)
    return { ...state, positionPixels, isPlaying: positionPixels < state.lengthPixels }
  },
  Toggled: (state) => {
    if (state.isPlaying) return { ...state, isPlaying: false }
    const positionPixels = state.positionPixels >= state.lengthPixels ? 0 : state.positionPixels
    return { ...state, positionPixels, isPlaying: state.lengthPixels > 0 }
  },
  Replayed: (state) => ({ ...state, positionPixels: 0, isPlaying: state.lengthPixels > 0 }),
  Stepped: (state, { direction }) => ({ ...state, positionPixels: nextStop(state, direction), isPlaying: false }),
  Sought: (state, { positionPixels }) => ({
    ...state,
    positionPixels: clamp(positionPixels, state.lengthPixels),
    isPlaying: false
  }),
  SpeedChosen: (state, { speed }) => (speeds.includes(speed) ? { ...state, speed } : state)
}

/** Returns the state after an event. */
export const step = (state: Playback, event: Event): Playback =>
  (handlers[event._tag] as (state: Playback, event: Event) => Playback)(state, event)
