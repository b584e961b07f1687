/**
 * A failed run as one self-contained HTML page: its timeline, packets, logs, states and disks, beside another run. A
 * browser needs no network for it, and without scripts it shows the explanation as text.
 */
import * as TerminalText from "../../../network/TerminalText.ts"
import * as FaultPlanSyntax from "../../faults/FaultPlanSyntax.ts"
import * as EventRows from "../EventRows.ts"
import * as Explanation from "../Explanation.ts"
import type { FailedRun, OtherRun } from "../FailedRun.ts"
import type { PageData, PageDifference, PageEvent, PageRun } from "./PageData.ts"
import * as PageEvents from "./PageEvents.ts"
import * as PageScript from "./PageScript.ts"
import * as PageSelection from "./PageSelection.ts"
import * as PageStyles from "./PageStyles.ts"
import * as RunDifference from "./RunDifference.ts"

/** A failure; the events of its runs are beside it. */
export type Failure = Omit<FailedRun, "events" | "second">

const escapeHtml = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

/** Encodes a value as JSON that cannot end the element that it is in. */
const encodeJson = (value: unknown) =>
  JSON.stringify(value).replaceAll("<", "\\u003c").replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029")

/** A run and what it is shown with. */
interface Shown extends OtherRun {
  readonly name: string
  readonly isFailed: boolean
  readonly plan: Failure["plan"]
}

/** A run in the page, with the values by which it is compared. */
interface Made {
  readonly run: PageRun
  readonly compared: ReadonlyArray<RunDifference.Compared>
}

/** An event in the page, with what it is made from. */
interface Entry extends PageEvents.Made {
  readonly compared: RunDifference.Compared
}

/** Returns the events of a run that are in the page, each with the number of those left out before it. */
const entriesOf = (
  { events, omittedEvents }: Shown,
  failure: Failure,
  firstDifference: number | undefined,
  compared: ReadonlyArray<RunDifference.Compared>
): ReadonlyArray<Entry> => {
  const names = EventRows.namesOf({ events, hosts: failure.hosts })
  const context = { names, dissectors: failure.dissectors ?? [] }
  const all = events.map((event) => PageEvents.make(event, context))
  const kept = PageSelection.select(
    all.map(({ host, isFault = false, kind, label }) => ({
      isImportant: isFault || kind === "host" || kind === "link",
      state: kind === "state" ? `${host} ${label}` : undefined
    })),
    firstDifference
  )
  // A log keeps the first and the last half of its events.
  const gap = omittedEvents > 0 ? Math.floor(events.length / 2) : -1
  let next = 0
  return kept.map((at) => {
    const omittedBefore = at - next + (next <= gap && gap <= at ? omittedEvents : 0)
    next = at + 1
    const event = omittedBefore > 0 ? { ...all[at]!, omittedBefore } : all[at]!
    return { event, from: events[at], compared: compared[at]! }
  })
}

const makeRun = (
  shown: Shown,
  failure: Failure,
  firstDifference: number | undefined,
  compared: ReadonlyArray<RunDifference.Compared>
): Made => {
  const { endNanos, ending, events, isFailed, name, omittedEvents, plan } = shown
  const text = TerminalText.escape(ending)
  const unrecorded = (event: PageEvent, value: string): Entry => ({
    ...{ event, from: undefined },
    compared: { key: `${event.kind} of the plan`, value }
  })
  // Partitions of the plan are in no record; they come before the events of their time.
  const lines = PageEvents.partitions({ plan }, endNanos).map((event) => unrecorded(event, event.text))
  const recorded = entriesOf(shown, failure, firstDifference, compared)
  const end: PageEvent = { kind: "end", at: endNanos, text, ...(isFailed ? { isFault: true } : {}) }
  const entries = [
    ...[...lines, ...recorded].sort((one, other) => one.event.at - other.event.at),
    unrecorded(end, ending)
  ]
  return {
    run: {
      ...{ name, ending: text, endNanos, total: events.length + omittedEvents },
      events: PageEvents.withContents(entries)
    },
    compared: entries.map((entry) => entry.compared)
  }
}

const comparedOf = (events: OtherRun["events"], failure: Failure, strictness: RunDifference.Strictness) => {
  const names = EventRows.namesOf({ events, hosts: failure.hosts })
  const nameOf = (address: string) => names.get(address) ?? address
  return events.map((event) => RunDifference.comparedOf(event, nameOf, strictness))
}

/** Returns the run that the failed one is compared with. */
const otherOf = (second: OtherRun["events"] | undefined, { ending = "end", endNanos, faultless, plan }: Failure) => {
  if (second !== undefined) {
    return { name: "second run", plan, events: second, omittedEvents: 0, endNanos, ending, isFailed: true }
  }
  return faultless === undefined
    ? undefined
    : { ...faultless, name: "without faults", plan: [], isFailed: faultless.ending !== "passes" }
}

/** Returns the data of the page: the failed run, and that of `second` if two runs of the seed differ. */
const data = (recordings: ReadonlyArray<Explanation.Run["events"]>, failure: Failure): PageData => {
  const { command, ending = "end", endNanos, hosts, input, omittedEvents = 0, plan, reason, seed } = failure
  const [events = [], second] = recordings
  const other = otherOf(second, failure)
  const strictness = second === undefined ? "contents" : "all"
  const compared = comparedOf(events, failure, strictness)
  const otherCompared = other === undefined ? [] : comparedOf(other.events, failure, strictness)
  const first = other === undefined ? undefined : RunDifference.firstDifference(compared, otherCompared)
  const name = second === undefined ? "this run" : "first run"
  const one = makeRun({ name, plan, events, omittedEvents, endNanos, ending, isFailed: true }, failure, first, compared)
  const two = other === undefined ? undefined : makeRun(other, failure, first, otherCompared)
  const names = new Set(hosts.map((host) => host.name))
  for (const event of events) if (event._tag === "Packet") names.add(event.packet.host)
  const difference: PageDifference | undefined =
    two === undefined
      ? undefined
      : {
          title: second === undefined ? "this run and the same seed without faults" : "the two runs of this seed",
          rows: RunDifference.make(one.compared, two.compared)
        }
  return {
    ...{ reason: TerminalText.escapeLines(reason), command, plan: FaultPlanSyntax.format(plan), seed },
    ...(input === undefined ? {} : { input: TerminalText.truncate(input, 10_000) }),
    hosts: Array.from(names, TerminalText.escape),
    runs: two === undefined ? [one.run] : [one.run, two.run],
    ...(difference === undefined ? {} : { difference })
  }
}

/** Allows the script and the styles of the page, and nothing else. */
const policy = [
  "default-src 'none'",
  `script-src 'sha256-${PageScript.hash}'`,
  `style-src 'sha256-${PageStyles.hash}'`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'"
].join("; ")

/** Lines of the diagram that a browser without scripts shows. */
const maxFallbackLines = 200

/** Formats a failed run; `recordings` has its events, and those of a second run if two runs of the seed differ. */
export const format = (recordings: ReadonlyArray<Explanation.Run["events"]>, failure: Failure): string => {
  const text = Explanation.format({ ...failure, events: recordings[0] ?? [], maxLines: maxFallbackLines })
  const [title = ""] = failure.reason.split("\n")
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(TerminalText.escape(title))}</title>
<link rel="icon" href="data:,">
<style>${PageStyles.styles}</style>
</head>
<body>
<div id="page"><noscript><pre>${escapeHtml(TerminalText.escapeLines(text))}</pre></noscript></div>
<script id="data" type="application/json">${encodeJson(data(recordings, failure))}</script>
<script>${PageScript.script}</script>
</body>
</html>
`
}
