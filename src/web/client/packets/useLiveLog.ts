/** The latest packets of a service, for its view. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import { useClient } from "../hooks.tsx"
import * as LiveLog from "./LiveLog.ts"

/** The packets that are shown, and how to hold them. */
export interface Live {
  readonly log: LiveLog.LiveLog
  readonly isPaused: boolean
  /** Number of packets since the view was paused. */
  readonly waiting: number
  readonly error: string | undefined
  readonly togglePause: () => void
  readonly clear: () => void
  readonly retry: () => void
}

/** Watches the packets of a service. While the view is paused, the packets go on to be counted and kept. */
export const useLiveLog = (service: string): Live => {
  const client = useClient()
  const latest = useRef(LiveLog.empty)
  const pausedRef = useRef(false)
  const [log, show] = useState(LiveLog.empty)
  const [isPaused, setPaused] = useState(false)
  const [waiting, setWaiting] = useState(0)
  const [error, setError] = useState<string>()
  const [attempt, setAttempt] = useState(0)
  const [shownPackets, setShownPackets] = useState(0)

  const showLatest = useCallback(() => {
    setWaiting(0)
    setShownPackets(latest.current.packets)
    show(latest.current)
  }, [])
  useEffect(() => {
    latest.current = LiveLog.empty
    pausedRef.current = false
    setPaused(false)
    setError(undefined)
    showLatest()
    return client.packets(service, {
      batch: (packets) => {
        latest.current = LiveLog.append(latest.current, packets)
        setError(undefined)
        if (pausedRef.current) setWaiting(latest.current.packets)
        else showLatest()
      },
      error: setError
    })
  }, [client, service, attempt, showLatest])
  return {
    log,
    isPaused,
    waiting: isPaused ? Math.max(0, waiting - shownPackets) : 0,
    error,
    togglePause: () => {
      pausedRef.current = !pausedRef.current
      setPaused(pausedRef.current)
      if (!pausedRef.current) showLatest()
    },
    clear: () => {
      latest.current = LiveLog.empty
      showLatest()
    },
    retry: () => setAttempt((count) => count + 1)
  }
}
