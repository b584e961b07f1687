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

/**
 * Watches the packets of a service, of one client or of all. While the view is paused, the packets go on to be counted
 * and kept. `port` is that of the service, if it is known.
 */
export const useLiveLog = (service: string, client: string | undefined, port: string | undefined): Live => {
  const page = useClient()
  const latest = useRef(LiveLog.empty)
  const portRef = useRef(port)
  portRef.current = port
  const clientRef = useRef(client)
  clientRef.current = client
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
    latest.current = LiveLog.choose(LiveLog.empty, clientRef.current)
    pausedRef.current = false
    setPaused(false)
    setError(undefined)
    showLatest()
    return page.packets(service, {
      batch: (packets) => {
        latest.current = LiveLog.append(latest.current, packets, portRef.current)
        setError(undefined)
        if (pausedRef.current) setWaiting(latest.current.packets)
        else showLatest()
      },
      error: setError
    })
  }, [page, service, attempt, showLatest])
  useEffect(() => {
    latest.current = LiveLog.choose(latest.current, client)
    show((shown) => LiveLog.choose(shown, client))
  }, [client])
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
      latest.current = LiveLog.clear(latest.current)
      showLatest()
    },
    retry: () => setAttempt((count) => count + 1)
  }
}
