/** The services of a process for the page: their states, their traffic, and their figures in plain words. */
import * as Effect from "effect/Effect"
import type * as PageState from "../PageState.ts"
import * as ShownText from "../ShownText.ts"

/** A service, as its process knows it. */
export interface Entry extends Omit<PageState.Service, "bytesReceived" | "bytesSent" | "figures"> {
  /** Counters of the service, whose members depend on it. Default: none. */
  readonly stats?: Effect.Effect<unknown> | undefined
}

/** Words for the counters of a kind of service, in the order to show. */
interface Kind {
  /** A counter that only this kind has. */
  readonly has: string
  readonly words: Readonly<Record<string, string>>
}

/** Kinds of services. The first whose counter is there counts. */
const kinds: ReadonlyArray<Kind> = [
  {
    has: "probed",
    words: {
      active: "transfers",
      started: "started",
      finished: "finished",
      failed: "failed",
      refused: "refused",
      resent: "packets sent again",
      probed: "size asked only",
      gaveWay: "gave their place to others",
      malformed: "malformed packets"
    }
  },
  {
    has: "subscribers",
    words: {
      subscribers: "subscribers",
      received: "packets received",
      forwarded: "copies forwarded",
      unsubscribed: "without subscription",
      rateLimited: "over their rate",
      full: "refused",
      malformed: "malformed packets"
    }
  },
  {
    has: "invalidPayloads",
    words: {
      sent: "packets sent",
      accepted: "packets accepted",
      rejected: "rejected",
      invalidPayloads: "invalid payloads",
      failed: "not sent",
      dropped: "dropped by the kernel"
    }
  },
  {
    has: "faults",
    words: {
      udp: "senders of datagrams",
      tcp: "connections",
      toServer: "datagrams to the server",
      toClients: "datagrams to clients",
      refused: "refused"
    }
  },
  {
    has: "timedOut",
    words: {
      active: "clients",
      accepted: "accepted",
      refused: "refused",
      timedOut: "timed out",
      farms: "farms",
      packets: "packets of farms"
    }
  }
]

/** Longest text of a service that is shown, such as the message of a failure. */
const maxTextChars = 500

const shown = (text: string) => ShownText.short(text, maxTextChars)

/** Returns a counter: a number, or the sum of a record of numbers. */
const countOf = (value: unknown): number | undefined => {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined
  if (typeof value !== "object" || value === null) return undefined
  const counts = Object.values(value).filter((count) => typeof count === "number")
  return counts.reduce((total, count) => total + count, 0)
}

/** Most rules of a fault plan that are shown. */
const maxRules = 32

/** Returns the number of times that each rule of a fault plan was applied. */
const faultsOf = (faults: unknown): ReadonlyArray<PageState.Figure> =>
  Array.isArray(faults)
    ? faults
        .slice(0, maxRules)
        .map(([rule, value]: readonly [string, number]) => ({ name: `faults by ${shown(rule)}`, value, unit: "count" }))
    : []

/** Returns the figures and the traffic that the counters of a service contain. Counters without words are left out. */
export const figuresOf = (stats: unknown): Pick<PageState.Service, "bytesReceived" | "bytesSent" | "figures"> => {
  if (typeof stats !== "object" || stats === null) return { figures: [] }
  const counters = stats as Readonly<Record<string, unknown>>
  const { words = {} } = kinds.find(({ has }) => Object.hasOwn(counters, has)) ?? {}
  const figures = Object.entries(words).flatMap(([key, name]): ReadonlyArray<PageState.Figure> => {
    const value = Object.hasOwn(counters, key) ? countOf(counters[key]) : undefined
    return value === undefined ? [] : [{ name, value, unit: "count" }]
  })
  const { bytesReceived, bytesSent } = counters
  return {
    figures: [...figures, ...faultsOf(counters.faults)],
    ...(typeof bytesReceived === "number" ? { bytesReceived } : {}),
    ...(typeof bytesSent === "number" ? { bytesSent } : {})
  }
}

/** Returns the row of a service. Its texts are safe to show, and have a limit. */
export const toRow = (
  { stats: _, address, lastError, name, tryIt, ...entry }: Entry,
  stats: unknown
): PageState.Service => ({
  ...entry,
  ...figuresOf(stats),
  name: shown(name),
  ...(address === undefined ? {} : { address: shown(address) }),
  ...(lastError === undefined ? {} : { lastError: shown(lastError) }),
  ...(tryIt === undefined ? {} : { tryIt: shown(tryIt) })
})

/**
 * Time that the counters of a service may take: they may come from a worker process that does not respond. The hub
 * waits little longer for a source.
 */
const statsTimeout = "150 millis"

/** Returns the rows of services. A service whose counters do not arrive in time is shown with its last ones. */
export const make = (entries: Effect.Effect<ReadonlyArray<Entry>>): Effect.Effect<ReadonlyArray<PageState.Service>> => {
  let known: ReadonlyMap<string, unknown> = new Map()
  return Effect.gen(function* () {
    const all = yield* entries
    const stats = yield* Effect.forEach(
      all,
      ({ name, stats = Effect.undefined }) =>
        Effect.timeoutOrElse(stats, { duration: statsTimeout, orElse: () => Effect.sync(() => known.get(name)) }),
      { concurrency: "unbounded" }
    )
    known = new Map(all.map(({ name }, index) => [name, stats[index]]))
    return all.map((entry, index) => toRow(entry, stats[index]))
  })
}
