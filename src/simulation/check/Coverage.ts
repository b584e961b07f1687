/** Coverage of a check: the states and the faults that its runs reached, with the first seed of each. */
import type * as FaultPlan from "../faults/FaultPlan.ts"

/** A state or a fault, and the runs that reached it. */
export interface Row {
  /** `state`: marked by `sometimes`. `fault`: an action of the fault plan that was applied. */
  readonly kind: "state" | "fault"
  readonly name: string
  /** Number of runs that reached it; 0 for a state that no run reached. */
  readonly runs: number
  /** First seed that reached it. */
  readonly firstSeed: number | undefined
}

/** Counters of a check. */
export interface Coverage {
  /** Counts the states and the faults of a run. */
  readonly add: (seed: number, run: Run) => void
  /** Returns the rows so far, states first, in the order in which they appeared. */
  readonly rows: () => ReadonlyArray<Row>
}

/** Parts of a report that are counted. */
interface Run {
  readonly plan: FaultPlan.FaultPlan
  /** Number of times that each rule of the plan was applied. */
  readonly faults: ReadonlyArray<number>
  readonly reached: ReadonlySet<string>
  readonly unreached: ReadonlySet<string>
}

/** Creates counters; states in `expected` have a row also if no run reaches them. */
export const make = (expected: ReadonlyArray<string>): Coverage => {
  const rows = new Map<string, Row>()
  const touch = (kind: Row["kind"], name: string, seed: number | undefined) => {
    const key = `${kind} ${name}`
    const { firstSeed, runs } = rows.get(key) ?? { runs: 0, firstSeed: undefined }
    rows.set(key, { kind, name, runs: seed === undefined ? runs : runs + 1, firstSeed: firstSeed ?? seed })
  }
  for (const name of expected) touch("state", name, undefined)
  return {
    add: (seed, { faults, plan, reached, unreached }) => {
      for (const name of reached) touch("state", name, seed)
      for (const name of unreached) touch("state", name, undefined)
      const applied = new Set(plan.flatMap(({ action }, index) => ((faults[index] ?? 0) > 0 ? [action] : [])))
      for (const action of new Set(plan.map((rule) => rule.action))) {
        touch("fault", action, applied.has(action) ? seed : undefined)
      }
    },
    rows: () => {
      const all = [...rows.values()]
      return [...all.filter(({ kind }) => kind === "state"), ...all.filter(({ kind }) => kind === "fault")]
    }
  }
}

const row = (widths: ReadonlyArray<number>, [name = "", ...numbers]: ReadonlyArray<string>) =>
  [name.padEnd(widths[0]!), ...numbers.map((cell, at) => cell.padStart(widths[at + 1]!))].join("  ").trimEnd()

const tableOf = (title: string, rows: ReadonlyArray<Row>, runs: number): ReadonlyArray<string> => {
  if (rows.length === 0) return []
  const cells = [
    [title, `of ${runs} runs`, "first seed"],
    ...rows.map(({ firstSeed, name, runs }) => [name, `${runs}`, firstSeed === undefined ? "-" : `${firstSeed}`])
  ]
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => row[column]!.length)))
  return cells.map((one) => row(widths, one))
}

/** Formats rows as a table of states and one of faults. */
export const format = (rows: ReadonlyArray<Row>, runs: number): string => {
  const [states, faults] = (["state", "fault"] as const).map((kind) => rows.filter((one) => one.kind === kind))
  const tables = [tableOf("state", states!, runs), tableOf("fault", faults!, runs)].filter((table) => table.length > 0)
  return tables.map((table) => table.join("\n")).join("\n\n")
}
