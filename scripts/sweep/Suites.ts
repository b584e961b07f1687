/** The simulated scenarios of a sweep: those of the services, which must pass, and those with a planted bug. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fibers from "../../src/session/Fibers.ts"
import type * as Checker from "../../src/simulation/check/Checker.ts"
import * as TestCommand from "../../src/simulation/explain/TestCommand.ts"
import type * as Explorer from "../../src/simulation/explore/Explorer.ts"
import type * as Simulation from "../../src/simulation/Simulation.ts"
import * as CheckpointCrashes from "../../test/suites/disk/CheckpointCrashes.ts"
import * as JournalCrashes from "../../test/suites/disk/JournalCrashes.ts"
import * as UploadCrashes from "../../test/suites/disk/UploadCrashes.ts"
import * as Rot13Faults from "../../test/suites/Rot13Faults.ts"
import * as SessionsFaults from "../../test/suites/session/SessionsFaults.ts"
import * as StatusFaults from "../../test/suites/status/StatusFaults.ts"
import * as TftpFaults from "../../test/suites/tftp/TftpFaults.ts"
import * as SimFiles from "../../test/support/disk/SimFiles.ts"
import * as RaftBug from "../examples/raft/RaftBug.ts"
import * as RaftCheck from "../examples/raft/RaftCheck.ts"
import * as RaftDissector from "../examples/raft/RaftDissector.ts"
import * as RaftPlan from "../examples/raft/RaftPlan.ts"

/** A scenario that is explored in this process. */
export interface Scenario {
  readonly _tag: "Scenario"
  readonly scenario: Checker.Scenario<unknown, unknown, never, unknown>
  readonly options: Explorer.Options<unknown>
}

/** An example that checks itself when it is run; with `FIXED` it is without its bug. */
export interface Program {
  readonly _tag: "Program"
  readonly file: string
  readonly isFixed: boolean
}

export type Suite = Scenario | Program

const suite = <A, E>(
  scenario: (simulation: Simulation.Simulation) => Effect.Effect<A, E, Scope.Scope>,
  options: Explorer.Options<unknown>
): Scenario => ({ _tag: "Scenario", scenario: (simulation) => Effect.scoped(scenario(simulation)), options })

const program = (name: string, isFixed: boolean): Program => ({
  _tag: "Program",
  file: `scripts/examples/${name}.ts`,
  isFixed
})

const raft = (bug?: RaftBug.Bug) =>
  suite(RaftCheck.scenario(bug), {
    generate: RaftPlan.generate,
    // Its plans are made for these states.
    fresh: 0.5,
    dissectors: [RaftDissector.dissector],
    sometimes: bug === undefined ? RaftCheck.sometimes : []
  })

/** Faults of the disk for scenarios that crash their host themselves. */
const generate = { generate: SimFiles.diskFaults }

/** Returns the command that repeats a run of a suite, after the variables of the run. */
export const commandOf = (name: string, isPlanted: boolean): string =>
  `npm run sweep -- ${isPlanted ? "--planted " : ""}1 ${TestCommand.quote(name)}`

/** The suites that must pass. */
export const ours: Readonly<Record<string, Suite>> = {
  rot13: suite(Rot13Faults.scenario, { generate: Rot13Faults.faults, sometimes: Rot13Faults.sometimes }),
  tftp: suite(TftpFaults.scenario, {
    generate: TftpFaults.faults,
    sometimes: TftpFaults.sometimes,
    dissectors: TftpFaults.dissectors
  }),
  status: suite(StatusFaults.scenario, { generate: StatusFaults.faults, sometimes: StatusFaults.sometimes }),
  session: suite(SessionsFaults.scenario(Fibers.model.serve), {
    generate: SessionsFaults.faults,
    sometimes: SessionsFaults.sometimes
  }),
  hangman: suite(JournalCrashes.crashes({ sync: true, disk: { reorder: true } }), generate),
  farm: suite(CheckpointCrashes.crashes({ reorder: true }), generate),
  uploads: suite(UploadCrashes.crashes("replace", undefined, true), generate),
  raft: raft(),
  http: program("test-http-api", true),
  rpc: program("test-rpc", true),
  runners: program("test-cluster", true)
}

const mistakes = {
  "no file sync": SimFiles.withoutFileSync,
  "no folder sync": SimFiles.withoutFolderSync,
  "rename before sync": SimFiles.renameBeforeSync
}

const reorder = { reorder: true }

/** The suites with a bug, all of which must fail. */
export const planted: Readonly<Record<string, Suite>> = {
  ...Object.fromEntries(RaftBug.all.map((bug) => [`raft: ${bug}`, raft(bug)])),
  ...Object.fromEntries(
    Object.entries(mistakes).flatMap(([name, mistake]) => [
      [`hangman: ${name}`, suite(JournalCrashes.crashes({ sync: true, mistake, disk: reorder }), {})],
      [`farm: ${name}`, suite(CheckpointCrashes.crashes(reorder, mistake), {})]
    ])
  ),
  ...Object.fromEntries(
    (["SyncTemporary", "SyncFolder"] as const).map((step) => {
      const steps = UploadCrashes.without(UploadCrashes.stepsOf.replace, step)
      return [`uploads: no ${step}`, suite(UploadCrashes.crashes("replace", steps, true), {})]
    })
  ),
  protocol: program("test-your-protocol", false),
  http: program("test-http-api", false),
  rpc: program("test-rpc", false),
  runners: program("test-cluster", false)
}
