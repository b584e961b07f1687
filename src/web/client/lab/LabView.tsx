/**
 * The laboratory: a run of a protocol on a simulated network, as a moving sequence diagram beside the states of the
 * machines. It needs no server.
 */
import { useCallback, useEffect, useMemo, useState } from "preact/hooks"
import * as Presets from "../../lab/Presets.ts"
import type { Fate } from "../diagram/Fate.ts"
import { Legend } from "../diagram/Legend.tsx"
import { SequenceDiagram } from "../diagram/SequenceDiagram.tsx"
import * as TimeAxis from "../diagram/TimeAxis.ts"
import { memo, Still } from "../parts/memo.tsx"
import * as LabAddress from "./LabAddress.ts"
import { Machines, Remarks, Result } from "./Machines.tsx"
import { describe, formatMillis } from "./Moments.ts"
import { PacketList } from "./PacketList.tsx"
import type * as Playback from "./Playback.ts"
import { SettingsPanel } from "./SettingsPanel.tsx"
import { type Mark, Transport } from "./Transport.tsx"
import { type Run, usePlayback, useRun } from "./useRun.ts"
import { useSettings } from "./useSettings.ts"

type Format = (millis: number) => string

const fates: ReadonlyArray<Fate> = ["arrived", "lost", "duplicate", "late"]

/** Links to prepared runs, and what to look at in the chosen one. */
const PreparedRuns = memo(({ address }: { readonly address: string }) => {
  const current = Presets.all.find(({ settings }) => LabAddress.of(settings) === address)
  return (
    <nav class="lab-prepared" aria-label="Prepared runs">
      <ul class="row">
        {Presets.all.map(({ id, settings, title }) => {
          const href = LabAddress.of(settings)
          return (
            <li key={id}>
              <a class="lab-chip" href={href} aria-current={href === address ? "true" : undefined}>
                {title}
              </a>
            </li>
          )
        })}
      </ul>
      <p class="muted">{current?.text ?? "Your own run: change the network and the programs, and see what happens."}</p>
    </nav>
  )
})

/** Says what happens at the position, once the playback rests: to readers of the screen. */
const Moment = (props: {
  readonly axis: TimeAxis.TimeAxis
  readonly playback: Playback.Playback
  readonly time: string
}) => {
  const { isPlaying, positionPixels } = props.playback
  const text = isPlaying ? "" : describe(props.axis, positionPixels)
  return (
    <p class="visually-hidden" role="status">
      {text === "" ? "" : `${props.time} milliseconds: ${text}`}
    </p>
  )
}

/** Keys of the diagram: the space bar plays and pauses, the arrows to the left and right take a step. */
const keys: Readonly<Record<string, Playback.Event>> = {
  " ": { _tag: "Toggled" },
  ArrowLeft: { _tag: "Stepped", direction: -1 },
  ArrowRight: { _tag: "Stepped", direction: 1 }
}

/** Properties of a run that is shown. */
interface ShownProps {
  readonly dispatch: (event: Playback.Event) => void
  readonly playback: Playback.Playback
  readonly run: Run
}

const StillResult = memo(Result)

/** The states, the result and the remarks at the time shown. Each is drawn again only when it changes. */
const Rail = (props: { readonly run: Run; readonly positionPixels: number; readonly format: Format }) => {
  const { format, positionPixels, run } = props
  const { axis, trace } = run
  const stateCount = TimeAxis.countUntil(axis.states, positionPixels, (state) => state.positionPixels)
  const remarkCount = TimeAxis.countUntil(axis.remarks, positionPixels, (remark) => remark.positionPixels)
  const drawMachines = useCallback(
    () => <Machines hosts={trace.hosts} states={TimeAxis.statesAt(axis, positionPixels)} />,
    [axis, trace, stateCount]
  )
  const drawRemarks = useCallback(
    () => <Remarks remarks={axis.remarks.slice(0, remarkCount).map(({ value }) => value)} format={format} />,
    [axis, remarkCount, format]
  )
  return (
    <div class="lab-rail">
      <Still draw={drawMachines} />
      <StillResult trace={trace} />
      <Still draw={drawRemarks} />
    </div>
  )
}

/** Keeps the present in view from each action of the reader on, until they scroll by hand. */
const useFollowing = ({ dispatch, run }: ShownProps) => {
  const [isFollowing, setFollowing] = useState(true)
  useEffect(() => setFollowing(true), [run])
  const act = useCallback(
    (event: Playback.Event) => {
      setFollowing(true)
      dispatch(event)
    },
    [dispatch]
  )
  const release = useCallback(() => setFollowing(false), [])
  return { act, isFollowing, release }
}

/** Returns the positions of lost packets and of warnings. */
const marksOf = ({ flights, remarks }: TimeAxis.TimeAxis): ReadonlyArray<Mark> => [
  ...flights.flatMap(({ arrow, endPixels }) => (arrow.lost ? [{ at: endPixels, tone: "lost" as const }] : [])),
  ...remarks.flatMap(({ positionPixels, value }) =>
    value.tone === "warning" ? [{ at: positionPixels, tone: "warning" as const }] : []
  )
]

const StillPacketList = memo(PacketList)

/** The diagram of a run with its controls, and what belongs to the time shown. */
const Shown = (props: ShownProps) => {
  const { playback, run } = props
  const { axis, trace } = run
  const { positionPixels } = playback
  const { act, isFollowing, release } = useFollowing(props)
  const format = useCallback((millis: number) => formatMillis(millis, trace.endMillis), [trace])
  const seek = useCallback((to: number) => act({ _tag: "Sought", positionPixels: to }), [act])
  const marks = useMemo(() => marksOf(axis), [axis])
  const time = format(TimeAxis.millisAt(axis, positionPixels))
  const onKeyDown = (event: KeyboardEvent) => {
    const action = keys[event.key]
    if (action === undefined || event.ctrlKey || event.altKey || event.metaKey) return
    event.preventDefault()
    act(action)
  }
  return (
    <>
      <section class="lab-main" aria-label="Run">
        <Transport dispatch={act} end={format(trace.endMillis)} marks={marks} playback={playback} time={time} />
        <SequenceDiagram
          axis={axis}
          format={format}
          hosts={trace.hosts}
          isFollowing={isFollowing}
          label="Sequence diagram. The space bar plays and pauses, the arrows to the left and right take a step"
          onKeyDown={onKeyDown}
          onScroll={release}
          positionPixels={positionPixels}
        />
        <Moment axis={axis} playback={playback} time={time} />
        <div class="row row-between">
          <Legend fates={fates} />
          <p class="muted small lab-keys">In the diagram, the space bar plays and pauses, and ← and → take a step.</p>
        </div>
        <StillPacketList axis={axis} format={format} seek={seek} />
      </section>
      <Rail run={run} positionPixels={positionPixels} format={format} />
    </>
  )
}

const StillSettingsPanel = memo(SettingsPanel)

/** The laboratory. */
export const LabView = () => {
  const [chosen, choose] = useSettings()
  const found = useRun(chosen)
  const run = typeof found === "object" ? found : undefined
  const [playback, dispatch] = usePlayback(run)
  const { settings } = chosen
  return (
    <div class="stack">
      <header class="view-head">
        <h1>Laboratory</h1>
      </header>
      <PreparedRuns address={LabAddress.of(settings)} />
      <div class="lab">
        <div class="lab-side">
          <StillSettingsPanel choose={choose} settings={settings} />
        </div>
        {run !== undefined && <Shown dispatch={dispatch} playback={playback} run={run} />}
        {typeof found === "string" && (
          <p class="panel" role="alert">
            The run failed: {found}
          </p>
        )}
      </div>
    </div>
  )
}
