/** The run of the present settings, and its playback. */
import { useEffect, useReducer, useState } from "preact/hooks"
import type { Trace } from "../../lab/Trace.ts"
import * as Browser from "../Browser.ts"
import * as TimeAxis from "../diagram/TimeAxis.ts"
import * as Playback from "./Playback.ts"
import { runLaboratory } from "./runLaboratory.ts"
import type { Chosen } from "./useSettings.ts"

/** A run, ready to be shown. */
export interface Run {
  readonly trace: Trace
  readonly axis: TimeAxis.TimeAxis
  readonly plays: boolean
}

/** Time without a further change after which adjusted settings are run, in milliseconds. */
const settledMillis = 40

/** Returns the latest run, or the message of a failure. A run that is overtaken by other settings is dropped. */
export const useRun = ({ by, settings }: Chosen): Run | string | undefined => {
  const [run, setRun] = useState<Run | string>()
  useEffect(() => {
    let isCurrent = true
    const start = () => {
      runLaboratory(settings).then(
        (trace) => isCurrent && setRun({ trace, axis: TimeAxis.make(trace), plays: by === "opened" }),
        (cause: unknown) => isCurrent && setRun(cause instanceof Error ? cause.message : String(cause))
      )
    }
    const cancel = by === "opened" ? start() : Browser.after(settledMillis, start)
    return () => {
      isCurrent = false
      cancel?.()
    }
  }, [settings, by])
  return run
}

const prefersStillness = () => matchMedia("(prefers-reduced-motion: reduce)").matches

/** Returns the playback of a run. It plays by itself, unless the reader prefers reduced motion. */
export const usePlayback = (run: Run | undefined): readonly [Playback.Playback, (event: Playback.Event) => void] => {
  const [playback, dispatch] = useReducer(Playback.step, Playback.empty)
  useEffect(() => {
    if (run === undefined) return
    const { lengthPixels, stops } = run.axis
    dispatch({ _tag: "Loaded", lengthPixels, stops, plays: run.plays && !prefersStillness() })
  }, [run])
  useEffect(() => {
    if (!playback.isPlaying) return
    let last: number | undefined
    let frame = requestAnimationFrame(function draw(nowMillis) {
      if (last !== undefined) dispatch({ _tag: "Ticked", elapsedMillis: nowMillis - last })
      last = nowMillis
      frame = requestAnimationFrame(draw)
    })
    return () => cancelAnimationFrame(frame)
  }, [playback.isPlaying])
  return [playback, dispatch]
}
