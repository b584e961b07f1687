/**
 * Paired measurements: ours and its peers in turn, in one run, so that what else the machine does falls on all alike.
 *
 * In every round each measure goes through the contestants forth and back, three times (A B C C B A A B C...), starting
 * with another one each round. A round's figure is the best of its samples, since others can only slow one down; a
 * ratio is taken within each round, and the table shows the median of the ratios.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BenchError } from "./child.ts"

export interface Options {
  readonly rounds: number
  /** A smoke run: everything runs, nothing is worth reading. */
  readonly quick: boolean
  /** Where our servers leave a CPU profile when they end. */
  readonly profile?: string | undefined
}

export interface Measure {
  readonly name: string
  readonly unit: string
  /** Default: all contestants. */
  readonly contestants?: ReadonlyArray<string> | undefined
  /** Whether less is better. Default false. */
  readonly lowerIsBetter?: boolean | undefined
  /** One sample a round: for what takes long and does not depend on how fast the machine is just now. */
  readonly oncePerRound?: boolean | undefined
  readonly sample: (contestant: string) => Effect.Effect<number, BenchError>
}

/** What is to be reached: by the figure itself, or by its ratio to the other one. */
interface Bar {
  readonly subject: "figure" | "ratio"
  readonly comparator: ">=" | "<="
  readonly value: number
}

/** A row of the table: a figure of ours beside one of a peer, or beside another of our own. */
export interface Comparison {
  readonly measure: string
  /** Whose figure stands on the left. Default: ours. */
  readonly contestant?: string | undefined
  readonly peer: string
  readonly peerMeasure?: string | undefined
  readonly bar?: Bar | undefined
}

interface Prepared {
  /** Ours first. */
  readonly contestants: ReadonlyArray<string>
  readonly measures: ReadonlyArray<Measure>
  /** How it was run, and what was left out and why. */
  readonly notes: ReadonlyArray<string>
}

export interface Benchmark {
  readonly name: string
  /** What is measured and how, for a reader who wants to judge the stats. */
  readonly description: string
  readonly comparisons: ReadonlyArray<Comparison>
  /** Whether there is also a table of all contestants and measures. Default false. */
  readonly overview?: boolean | undefined
  readonly prepare: (options: Options) => Effect.Effect<Prepared, BenchError, Scope.Scope>
}

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface Row {
  readonly measure: string
  readonly unit: string
  readonly ours: Summary
  readonly peer: string
  readonly theirs: Summary
  readonly ratio: Summary
  readonly bar?: Bar | undefined
  readonly met?: boolean | undefined
}

/** A cell of the table of all contestants and measures. */
export interface Figure {
  readonly contestant: string
  readonly measure: string
  readonly unit: string
  readonly figure: Summary
}

export interface Report {
  readonly benchmark: string
  readonly rounds: number
  readonly notes: ReadonlyArray<string>
  /** All that was measured, if the benchmark wants it shown. */
  readonly overview: ReadonlyArray<Figure>
  readonly rows: ReadonlyArray<Row>
}

/** One figure per round. */
type RoundFigures = ReadonlyArray<number>

const summarize = (figures: RoundFigures): Summary => {
  const sorted = figures.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return {
    median: (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2,
    min: sorted[0]!,
    max: sorted.at(-1)!
  }
}

/** Who goes when in a round. */
const contestantOrder = (contestants: ReadonlyArray<string>, round: number, isOncePerRound = false): ReadonlyArray<string> => {
  const first = round % contestants.length
  const forth = [...contestants.slice(first), ...contestants.slice(0, first)]
  const forthAndBack = [...forth, ...forth.toReversed()]
  return isOncePerRound ? forth : [...forthAndBack, ...forthAndBack, ...forthAndBack]
}

const isMet = (bar: Bar, figure: number, ratio: number): boolean => {
  const reached = bar.subject === "figure" ? figure : ratio
  return bar.comparator === ">=" ? reached >= bar.value : reached <= bar.value
}

/** The rows whose two stats were both measured. */
const rows = (
  { contestants: [ours], measures }: Pick<Prepared, "contestants" | "measures">,
  comparisons: ReadonlyArray<Comparison>,
  figuresOf: (measure: string, contestant: string) => RoundFigures | undefined
): ReadonlyArray<Row> =>
  comparisons.flatMap(({ bar, contestant = ours!, measure, peer, peerMeasure }) => {
    const left = figuresOf(measure, contestant)
    const right = figuresOf(peerMeasure ?? measure, peer)
    const unit = measures.find((each) => each.name === measure)?.unit
    if (left === undefined || right === undefined || unit === undefined) return []
    const ratio = summarize(left.map((figure, round) => figure / right[round]!))
    const name = contestant === ours ? measure : `${contestant}: ${measure}`
    const row = { measure: name, unit, ours: summarize(left), peer: peerMeasure ?? peer, theirs: summarize(right), ratio }
    return [bar === undefined ? row : { ...row, bar, met: isMet(bar, row.ours.median, ratio.median) }]
  })

/** Warms everybody up with a sample of what depends on it, then runs the rounds; `progress` hears of each. */
export const run = (benchmark: Benchmark, options: Options, progress: (line: string) => void) =>
  Effect.gen(function* () {
    const prepared = yield* benchmark.prepare(options)
    const figures = new Map<string, Array<number>>()
    const key = (measure: string, contestant: string) => `${measure}\n${contestant}`
    for (let round = options.quick ? 0 : -1; round < options.rounds; round++) {
      progress(round < 0 ? `${benchmark.name}: warm-up` : `${benchmark.name}: round ${round + 1} of ${options.rounds}`)
      for (const { lowerIsBetter, name, contestants = prepared.contestants, oncePerRound, sample } of prepared.measures) {
        if (round < 0 && oncePerRound) continue
        const samples = new Map<string, Array<number>>(contestants.map((contestant) => [contestant, []]))
        for (const contestant of contestantOrder(contestants, Math.max(0, round), oncePerRound || round < 0 || options.quick)) {
          samples.get(contestant)!.push(yield* sample(contestant))
        }
        if (round < 0) continue
        for (const [contestant, values] of samples) {
          const earlier = figures.get(key(name, contestant)) ?? []
          figures.set(key(name, contestant), [...earlier, (lowerIsBetter ? Math.min : Math.max)(...values)])
        }
      }
    }
    const overview = prepared.contestants.flatMap((contestant) =>
      prepared.measures.flatMap(({ name, unit }): ReadonlyArray<Figure> => {
        const measured = figures.get(key(name, contestant))
        return measured === undefined ? [] : [{ contestant, measure: name, unit, figure: summarize(measured) }]
      })
    )
    const report: Report = {
      benchmark: benchmark.name,
      rounds: options.rounds,
      notes: options.quick ? [...prepared.notes, "A smoke run: these stats mean nothing."] : prepared.notes,
      overview: benchmark.overview ? overview : [],
      rows: rows(prepared, benchmark.comparisons, (measure, contestant) => figures.get(key(measure, contestant)))
    }
    return report
  }).pipe(Effect.scoped)
