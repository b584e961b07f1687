/** Words and tones of states, and the sentences of the overview. Pure. */
import type * as PageState from "../PageState.ts"
import * as Format from "./Format.ts"

/** The meaning of a state, shown by colour and by the form of a mark. */
export type Tone = "good" | "warn" | "bad" | "info" | "muted"

/** Tones of the states of a service. */
export const serviceTones: Readonly<Record<PageState.Service["state"], Tone>> = {
  starting: "info",
  ready: "good",
  restarting: "warn",
  failed: "bad",
  stopped: "muted"
}

/** Tones of the states of a transfer. */
export const transferTones: Readonly<Record<PageState.Transfer["state"], Tone>> = {
  running: "info",
  done: "good",
  refused: "warn",
  failed: "bad",
  stopped: "muted"
}

/** Tones of the states of a peer. */
export const peerTones: Readonly<Record<PageState.Peer["state"], Tone>> = {
  alive: "good",
  suspect: "warn",
  down: "bad",
  left: "muted"
}

/** Tones of the states of a run of a farm, and of its workers. */
export const farmTones: Readonly<Record<PageState.Farm["state"] | PageState.Worker["state"], Tone>> = {
  running: "info",
  done: "good",
  failed: "bad",
  ready: "good",
  lost: "bad",
  gone: "muted"
}

/** A sentence with its tone. */
export interface Headline {
  readonly tone: Tone
  readonly text: string
}

/** States in the order in which they matter, with the words after the number of services. */
const troubles: ReadonlyArray<readonly [state: PageState.Service["state"], one: string, many: string]> = [
  ["failed", "has failed", "have failed"],
  ["restarting", "restarts", "restart"],
  ["starting", "starts", "start"],
  ["stopped", "is stopped", "are stopped"]
]

/** Returns the answer to the question whether everything runs. */
export const headline = (services: ReadonlyArray<Pick<PageState.Service, "name" | "state">>): Headline => {
  const total = services.length
  if (total === 0) return { tone: "muted", text: "No service runs" }
  for (const [state, one, many] of troubles) {
    const found = services.filter((service) => service.state === state)
    const [first] = found
    if (first === undefined) continue
    const text =
      found.length === 1
        ? `${first.name} ${one}`
        : `${Format.count(found.length)} of ${Format.plural(total, "service")} ${many}`
    return { tone: serviceTones[state], text }
  }
  const text = total === 1 ? `${services[0]!.name} is ready` : `All ${Format.count(total)} services are ready`
  return { tone: "good", text }
}

/** Returns the last answer that is known while the process cannot be asked: neither good nor bad. */
export const lastKnown = (services: ReadonlyArray<Pick<PageState.Service, "name" | "state">>): Headline => ({
  tone: "muted",
  text: `Last known: ${headline(services).text}`
})

/** Returns why the token of a tab gives no control, and what to do; undefined without a token, or if it does. */
export const tokenProblem = (about: {
  /** Empty until the process has answered. */
  readonly version: string
  readonly hasToken: boolean
  readonly hasControl: boolean
  readonly isAllowed: boolean
}): string | undefined => {
  if (!about.hasToken || about.isAllowed || about.version === "") return undefined
  return about.hasControl
    ? "The token of this tab is not valid: it is that of another start of the process, or mistyped. Open the link that the process has printed at its latest start."
    : "The token of this tab is not valid any more: the process now runs without control."
}

type Counts = Pick<PageState.TransferTotals, "done" | "notDone" | "running">

/** Says how many transfers the list has of all; undefined if it has all. */
export const leftOut = (listed: Counts, totals: Counts): string | undefined => {
  const [some, all] = [listed, totals].map(({ done, notDone }) => done + notDone) as [number, number]
  const parts = [
    listed.running < totals.running
      ? `${Format.count(listed.running)} of ${Format.count(totals.running)} that run`
      : "",
    some < all ? `the latest ${Format.count(some)} of ${Format.count(all)} that have ended` : ""
  ].filter(Boolean)
  return parts.length === 0 ? undefined : `Listed: ${parts.join(", and ")}.`
}

/** Figures of a service that name what a restart ends, with the words for it. */
const ended: ReadonlyArray<readonly [figure: string, words: string]> = [
  ["transfers", "transfers"],
  ["subscribers", "subscriptions"],
  ["clients", "connections"]
]

/** Returns what a restart of a service does to its clients. */
export const restartWarning = ({ figures }: Pick<PageState.Service, "figures">): string => {
  const found = ended.find(([figure]) => figures.some(({ name }) => name === figure))
  return found === undefined ? "It does not answer until it is ready again." : `This ends its ${found[1]}.`
}

/** Figures of a host that are true only while it sends them. */
export type PeerFigures = Partial<
  Pick<PageState.Peer, "load" | "memoryFree" | "memoryTotal" | "missed" | "uptimeSeconds">
>

/** Returns the figures of a peer; none of one that is down or has left, whose last ones are old. */
export const peerFigures = (peer: PageState.Peer): PeerFigures =>
  peer.state === "down" || peer.state === "left" ? {} : peer

/** Returns the fraction that is done, 0 to 1; undefined if the size is unknown. */
export const fraction = (done: number, total: number | undefined): number | undefined => {
  if (total === undefined || total < 0) return undefined
  return total === 0 ? 1 : Math.min(1, Math.max(0, done / total))
}

/** Sorts running transfers before ended ones, each by time, the newest first. */
export const latestFirst = (rows: ReadonlyArray<PageState.Transfer>): ReadonlyArray<PageState.Transfer> =>
  [...rows].sort(
    (one, other) =>
      Number(other.state === "running") - Number(one.state === "running") ||
      (other.endedMillis ?? other.startedMillis) - (one.endedMillis ?? one.startedMillis) ||
      other.id - one.id
  )
