/**
 * Paired measurements: our program and its peers run in turn, in one run, so that other load of the machine affects all
 * of them alike.
 *
 * In every round each measure samples the contestants forth and back, three times (A B C C B A A B C...), and each
 * round starts with another contestant. The figure of a round is its best sample, because other load can only slow a
 * sample down. A ratio is computed within each round, and the table shows the median of the ratios.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BenchError } from "./child.ts"

/** Options of a run. */
export interface Options {
  readonly rounds: number
  /** Smoke run: everything runs once, and the figures have no meaning. */
  readonly quick: boolean
  /** Folder to which our servers write a CPU profile when they end. */
  readonly profile?: string | undefined
}

/** A measured quantity. */
export interface Measure {
  readonly name: string
  readonly unit: string
  /** Names of the contestants to measure. Default: all. */
  readonly contestants?: ReadonlyArray<string> | undefined
  /** A lower figure is better. Default false. */
  readonly lowerIsBetter?: boolean | undefined
  /** One sample per round, for a slow measure that does not depend on the current speed of the machine. */
  readonly oncePerRound?: boolean | undefined
  readonly sample: (contestant: string) => Effect.Effect<number, BenchError>
}

/** A target for a figure or for its ratio to the peer's figure. */
interface Bar {
  readonly subject: "figure" | "ratio"
  readonly comparator: ">=" | "<="
  readonly value: number
}

/** A row of the table: one of our figures beside one of a peer, or beside another of our own. */
export interface Comparison {
  readonly measure: string
  /** Contestant of the left figure. Default: ours. */
  readonly contestant?: string | undefined
  readonly peer: string
  /** Measure of the right figure. Default: `measure`. */
  readonly peerMeasure?: string | undefined
  readonly bar?: Bar | undefined
}

/** A benchmark that is ready to be measured. */
interface Prepared {
  /** Names of the contestants, ours first. */
  readonly contestants: ReadonlyArray<string>
  readonly measures: ReadonlyArray<Measure>
  /** Conditions of the run, and the reason for each omitted contestant or measure. */
  readonly notes: ReadonlyArray<string>
}

/** A benchmark: its measures, and the comparisons to show. */
export interface Benchmark {
  readonly name: string
  /** Description of the measures and the method, so that a reader can judge the figures. */
  readonly description: string
  readonly comparisons: ReadonlyArray<Comparison>
  /** Print a table of all contestants and measures, too. Default false. */
  readonly overview?: boolean | undefined
  /** The most rounds, for one whose figures hardly differ between rounds. Default: no limit. */
  readonly maxRounds?: number | undefined
  readonly prepare: (options: Options) => Effect.Effect<Prepared, BenchError, Scope.Scope>
}

/** Median and range over the rounds. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** A measured comparison. */
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

/** Result of a benchmark. */
export interface Report {
  readonly benchmark: string
  readonly rounds: number
  readonly notes: ReadonlyArray<string>
  /** All figures, if the benchmark has an overview. */
  readonly overview: ReadonlyArray<Figure>
  readonly rows: ReadonlyArray<Row>
}

/** Figures of one measure and contestant, one per round. */
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

/** Returns the order of the samples of a round. */
const contestantOrder = (
  contestants: ReadonlyArray<string>,
  round: number,
  isOncePerRound = false
): ReadonlyArray<string> => {
  const first = round % contestants.length
  const forth = [...contestants.slice(first), ...contestants.slice(0, first)]
  const forthAndBack = [...forth, ...forth.toReversed()]
  return isOncePerRound ? forth : [...forthAndBack, ...forthAndBack, ...forthAndBack]
}

const isMet = (bar: Bar, figure: number, ratio: number): boolean => {
  const reached = bar.subject === "figure" ? figure : ratio
  return bar.comparator === ">=" ? reached >= bar.value : reached <= bar.value
}

/** Returns the rows whose two figures were both measured. */
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
    const row = {
      measure: name,
      unit,
      ours: summarize(left),
      peer: peerMeasure ?? peer,
      theirs: summarize(right),
      ratio
    }
    return [bar === undefined ? row : { ...row, bar, met: isMet(bar, row.ours.median, ratio.median) }]
  })

/** Runs a warm-up round and then the rounds; reports the start of each to `progress`. */
export const run = (benchmark: Benchmark, given: Options, progress: (line: string) => void) =>
  Effect.gen(function* () {
    const options = { ...given, rounds: Math.min(given.rounds, benchmark.maxRounds ?? given.rounds) }
    const prepared = yield* benchmark.prepare(options)
    const figures = new Map<string, Array<number>>()
    const key = (measure: string, contestant: string) => `${measure}\n${contestant}`
    for (let round = options.quick ? 0 : -1; round < options.rounds; round++) {
      progress(round < 0 ? `${benchmark.name}: warm-up` : `${benchmark.name}: round ${round + 1} of ${options.rounds}`)
      for (const {
        lowerIsBetter,
        name,
        contestants = prepared.contestants,
        oncePerRound,
        sample
      } of prepared.measures) {
        if (round < 0 && oncePerRound) continue
        const samples = new Map<string, Array<number>>(contestants.map((contestant) => [contestant, []]))
        for (const contestant of contestantOrder(
          contestants,
          Math.max(0, round),
          oncePerRound || round < 0 || options.quick
        )) {
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
      notes: options.quick ? [...prepared.notes, "A smoke run: these figures have no meaning."] : prepared.notes,
      overview: benchmark.overview ? overview : [],
      rows: rows(prepared, benchmark.comparisons, (measure, contestant) => figures.get(key(measure, contestant)))
    }
    return report
  }).pipe(Effect.scoped)
