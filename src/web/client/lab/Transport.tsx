/** The controls of a playback: replay, steps, play and pause, the position, and the speed. */
import { memo } from "../parts/memo.tsx"
import * as Playback from "./Playback.ts"

const icons = {
  replay: () => <path d="M4 3v10M13 3.2v9.6L5.5 8z" />,
  back: () => <path d="M12 3v10L4 8z" />,
  play: () => <path d="M4.5 2.5v11l9-5.5z" />,
  pause: () => <path d="M4.2 3v10M11.8 3v10" stroke-width="3" />,
  forward: () => <path d="M4 3v10l8-5z" />
} as const

const Icon = ({ name }: { readonly name: keyof typeof icons }) => (
  <svg class="lab-icon" viewBox="0 0 16 16" aria-hidden="true">
    {icons[name]()}
  </svg>
)

/** A button that keeps the focus when it has nothing more to do. */
const IconButton = (props: {
  readonly label: string
  readonly icon: keyof typeof icons
  readonly onClick: () => void
  readonly isDisabled: boolean
}) => (
  <button
    type="button"
    class="button button-icon"
    aria-label={props.label}
    title={props.label}
    onClick={props.onClick}
    aria-disabled={props.isDisabled}
  >
    <Icon name={props.icon} />
  </button>
)

/** A position that a reader may look for. */
export interface Mark {
  readonly at: number
  readonly tone: "lost" | "warning"
}

/** Properties of the controls. `time` is the time at the position, as text; `end` that of the end. */
interface TransportProps {
  readonly dispatch: (event: Playback.Event) => void
  readonly playback: Playback.Playback
  readonly time: string
  readonly end: string
  readonly marks: ReadonlyArray<Mark>
}

const speedTexts: Readonly<Record<number, string>> = { 0.25: "¼", 0.5: "½" }

const Buttons = ({ dispatch, playback }: TransportProps) => {
  const { isPlaying, lengthPixels, positionPixels, speed } = playback
  const isEmpty = lengthPixels === 0
  const stepBy = (direction: 1 | -1) => () => dispatch({ _tag: "Stepped", direction })
  return (
    <div class="row lab-buttons">
      <IconButton
        label="Replay from the beginning"
        icon="replay"
        onClick={() => dispatch({ _tag: "Replayed" })}
        isDisabled={isEmpty}
      />
      <IconButton label="One step back" icon="back" onClick={stepBy(-1)} isDisabled={positionPixels <= 0} />
      <button
        type="button"
        class="button button-primary lab-play"
        onClick={() => dispatch({ _tag: "Toggled" })}
        disabled={isEmpty}
      >
        <Icon name={isPlaying ? "pause" : "play"} />
        {isPlaying ? "Pause" : "Play"}
      </button>
      <IconButton
        label="One step forward"
        icon="forward"
        onClick={stepBy(1)}
        isDisabled={positionPixels >= lengthPixels}
      />
      <label class="lab-speed">
        <span class="visually-hidden">Speed</span>
        <select
          class="field"
          value={speed}
          onChange={({ currentTarget }) => dispatch({ _tag: "SpeedChosen", speed: Number(currentTarget.value) })}
        >
          {Playback.speeds.map((one) => (
            <option value={one} key={one}>
              {speedTexts[one] ?? one}×
            </option>
          ))}
        </select>
      </label>
    </div>
  )
}

/** Positions of losses and warnings under the slider, so that a reader finds them. */
const Marks = memo((props: { readonly lengthPixels: number; readonly marks: ReadonlyArray<Mark> }) => (
  <svg
    class="lab-marks"
    viewBox={`0 0 ${Math.max(1, props.lengthPixels)} 1`}
    preserveAspectRatio="none"
    aria-hidden="true"
  >
    {props.marks.map(({ at, tone }, index) => (
      <path class={`lab-mark-${tone}`} d={`M${at} 0v1`} vector-effect="non-scaling-stroke" key={index} />
    ))}
  </svg>
))

/** Controls of a playback. */
export const Transport = (props: TransportProps) => {
  const { dispatch, end, marks, playback, time } = props
  const { lengthPixels } = playback
  return (
    <section class="lab-transport" aria-label="Playback">
      <Buttons {...props} />
      <div class="lab-scrub">
        <div class="lab-track">
          <Marks lengthPixels={lengthPixels} marks={marks} />
          <input
            type="range"
            aria-label="Position in the run"
            aria-valuetext={`${time} of ${end} milliseconds`}
            min={0}
            max={Math.max(1, lengthPixels)}
            step="any"
            value={playback.positionPixels}
            onInput={({ currentTarget }) => dispatch({ _tag: "Sought", positionPixels: currentTarget.valueAsNumber })}
          />
        </div>
        <span class="lab-time">
          <b>{time}</b> <span class="muted">of {end} ms</span>
        </span>
      </div>
    </section>
  )
}
