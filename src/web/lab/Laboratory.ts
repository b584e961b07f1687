/**
 * The laboratory: runs a protocol on a simulated network and records what a student should see. The programs are the
 * services of this package, on virtual time; the whole run takes milliseconds, in a browser too.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Simulation from "../../simulation/Simulation.ts"
import type { Arrow } from "../Arrow.ts"
import * as Link from "./Link.ts"
import * as PresenceScenario from "./presence/PresenceScenario.ts"
import * as Recorder from "./Recorder.ts"
import * as Rot13Scenario from "./rot13/Rot13Scenario.ts"
import * as Scenario from "./Scenario.ts"
import * as Settings from "./Settings.ts"
import * as StopAndWaitScenario from "./stopAndWait/StopAndWaitScenario.ts"
import type { Remark, StateChange, Trace } from "./Trace.ts"
import * as TftpScenario from "./tftp/TftpScenario.ts"

/** Number of arrows after which a run is ended: more than a diagram can show. */
export const maxArrows = 1_000

/** Words for the faults in remarks. */
const faultTexts: Readonly<Record<string, (what: string) => string>> = {
  drop: (what) => `the network loses ${what}`,
  duplicate: (what) => `the network delivers a copy of ${what}`,
  reorder: (what) => `the network delays ${what}: others may overtake it`,
  partition: (what) => `the partition stops ${what}`
}

const faultRemarks = (arrows: ReadonlyArray<Arrow>): ReadonlyArray<Remark> =>
  arrows.flatMap(({ fault, from, label, sentMillis }) =>
    (fault?.split(", ") ?? []).flatMap((word) => {
      const text = faultTexts[word]?.(label)
      return text === undefined ? [] : [{ atMillis: sentMillis, host: from, text, tone: "fault" as const }]
    })
  )

const byTime = (one: { readonly atMillis: number }, other: { readonly atMillis: number }) =>
  one.atMillis - other.atMillis

/** Leaves out what a reader cannot see: a state like the one before, and variables that change at once again. */
const changesOf = (states: ReadonlyArray<StateChange>): ReadonlyArray<StateChange> => {
  const changes: Array<StateChange> = []
  const lastOf = new Map<string, number>()
  for (const change of states) {
    const at = lastOf.get(change.host)
    const before = at === undefined ? undefined : changes[at]
    const isSameState = before?.state === change.state
    if (isSameState && JSON.stringify(before?.variables) === JSON.stringify(change.variables)) continue
    if (isSameState && before?.atMillis === change.atMillis) changes[at!] = change
    else lastOf.set(change.host, changes.push(change) - 1)
  }
  return changes
}

const latest = (times: ReadonlyArray<number>) => times.reduce((one, other) => Math.max(one, other), 0)

const percentOf = (part: number, whole: number) => (whole === 0 ? "0 %" : `${Math.round((100 * part) / whole)} %`)

const figuresOf = (arrows: ReadonlyArray<Arrow>, ending: Ending): Trace["figures"] => {
  const lost = arrows.filter((arrow) => arrow.lost).length
  const copies = arrows.filter(({ fault }) => fault?.includes("duplicate")).length
  const bytes = arrows.reduce((sum, arrow) => sum + arrow.bytes, 0)
  return [
    ["time", Scenario.duration(ending.atMillis)],
    ["packets", arrows.length.toLocaleString("en")],
    ["lost", `${lost.toLocaleString("en")} (${percentOf(lost, arrows.length)})`],
    ["copies by the network", copies.toLocaleString("en")],
    ["payload on the wire", Scenario.count(bytes, "byte")],
    ...ending.figures
  ]
}

/** The end of a run, also of one that has reached a limit. */
type Ending = Omit<Scenario.Ending, "outcome"> & Pick<Trace, "outcome">

/** Makes the trace of a run. */
const toTrace = <Message>(
  settings: Settings.Settings,
  { figures, hosts, observe }: Scenario.Scenario<Message>,
  recorder: Recorder.Recorder<Message>,
  ending: Ending
): Trace => {
  const recording = recorder.recording()
  const { arrows } = recording
  const observed = observe(recording)
  const states = changesOf([...recorder.states(), ...observed.states].sort(byTime))
  // At the same time, what a program does precedes what the network makes of it.
  const remarks = [...recorder.remarks(), ...observed.remarks, ...faultRemarks(arrows)].sort(byTime)
  const { atMillis, outcome, text } = ending
  const packets = Scenario.count(arrows.length, "packet")
  return {
    settings,
    hosts,
    arrows,
    states,
    remarks,
    outcome,
    summary: outcome === "ended" ? text : `${text}, after ${Scenario.duration(atMillis)} and ${packets}`,
    endMillis: latest([
      atMillis,
      ...arrows.map(({ arrivesMillis, sentMillis }) => arrivesMillis ?? sentMillis),
      ...states.map((state) => state.atMillis),
      ...remarks.map((remark) => remark.atMillis)
    ]),
    figures: [...figuresOf(arrows, ending), ...(figures?.(recording) ?? [])]
  }
}

/** Ends a run that has reached a limit. */
const ended = (text: string) =>
  Effect.map(Scenario.now, (atMillis): Ending => ({ outcome: "ended", text, atMillis, figures: [] }))

const runScenario = Effect.fnUntraced(function* <Message>(
  settings: Settings.Settings,
  scenario: Scenario.Scenario<Message>
) {
  const { describe, faults, hosts, limitMillis, program, transport } = scenario
  const link = Link.make(settings)
  const isFull = Deferred.makeUnsafe<void>()
  const recorder = Recorder.make({
    link,
    maxArrows,
    limitMillis,
    onLimit: () => void Deferred.doneUnsafe(isFull, Effect.void),
    describe
  })
  const run = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
    const simHosts = yield* Effect.forEach(hosts, (name) => simulation.host(name))
    for (const { address, name } of simHosts) recorder.name(address, name)
    const full = Effect.andThen(
      Deferred.await(isFull),
      ended(`stopped after ${Scenario.count(maxArrows, "packet")}: fewer faults let it end`)
    )
    const ending: Ending = yield* Effect.raceFirst(program({ hosts: simHosts, recorder }), full).pipe(
      Effect.timeoutOrElse({
        duration: limitMillis,
        orElse: () => ended(`stopped after ${Scenario.duration(limitMillis)}: a run takes at most as long`)
      })
    )
    recorder.stop()
    return ending
  })
  const { exit } = yield* Simulation.run(run, {
    seed: settings.seed,
    plan: faults,
    link: Link.options(link, settings, transport),
    deadline: 2 * limitMillis,
    tap: recorder.tap
  })
  if (Exit.isFailure(exit)) return yield* Effect.failCause(exit.cause)
  return toTrace(settings, scenario, recorder, exit.value)
})

const runs: Readonly<Record<Settings.Protocol, (settings: Settings.Settings) => Effect.Effect<Trace>>> = {
  rot13: (settings) => runScenario(settings, Rot13Scenario.make(settings)),
  tftp: (settings) => runScenario(settings, TftpScenario.make(settings)),
  "stop-and-wait": (settings) => runScenario(settings, StopAndWaitScenario.make(settings)),
  presence: (settings) => runScenario(settings, PresenceScenario.make(settings))
}

/** Runs a protocol with settings; invalid ones are first made valid. The same settings give the same trace. */
export const run = (settings: Settings.Settings): Effect.Effect<Trace> =>
  Effect.suspend(() => {
    const valid = Settings.normalize(settings)
    return runs[valid.protocol](valid)
  }).pipe(Effect.provide(Logger.layer([])))
