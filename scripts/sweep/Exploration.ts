/** Exploration of suites for some time on all cores, with a corpus that is kept in a folder. */
import * as Os from "node:os"
import { Worker } from "node:worker_threads"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Coverage from "../../src/simulation/check/Coverage.ts"
import type { Entry } from "../../src/simulation/explore/Corpus.ts"
import * as CorpusFolder from "./CorpusFolder.ts"
import type { Slice, SliceResult } from "./SweepMessage.ts"

export interface Options {
  readonly names: ReadonlyArray<string>
  readonly isPlanted: boolean
  readonly minutes: number
  readonly corpus: string
  readonly seed: number
}

/** A suite in a sweep. */
interface SuiteState {
  readonly name: string
  readonly loaded: number
  readonly unreadable: number
  /** All runs of the corpus, and the number of them that each worker has been sent. */
  readonly entries: Array<Entry>
  readonly sent: Map<number, number>
  /** Workers that explore it. */
  readonly workers: ReadonlyArray<number>
  /** Last result of each worker. */
  readonly last: Map<number, SliceResult>
  runs: number
  realMillis: number
  found: number
  failure: SliceResult["failure"]
}

/** Real milliseconds that a worker explores one suite before the next. */
const sliceMillis = 3_000

/** Gives each worker its suites: several where there are fewer workers, otherwise several workers to a suite. */
const makeStates = ({ corpus, names }: Options, workers: number) =>
  names.map((name, index): SuiteState => {
    const { entries, unreadable } = CorpusFolder.read(corpus, name)
    const isOwn = (worker: number) =>
      workers <= names.length ? index % workers === worker : worker % names.length === index
    return {
      ...{ name, loaded: entries.length, unreadable, entries: [...entries], sent: new Map(), last: new Map() },
      workers: Array.from({ length: workers }, (_, worker) => worker).filter(isOwn),
      ...{ runs: 0, realMillis: 0, found: 0, failure: undefined }
    }
  })

/** Returns the runs that a worker does not know, and counts them as sent. */
const importsFor = ({ entries, sent }: SuiteState, worker: number, own: ReadonlySet<Entry>) => {
  const from = sent.get(worker) ?? 0
  sent.set(worker, entries.length)
  return entries.slice(from).filter((entry) => !own.has(entry))
}

const addResult = (state: SuiteState, worker: number, result: SliceResult, { corpus, isPlanted }: Options) => {
  state.runs += result.runs
  state.realMillis += result.realMillis
  state.found += result.found.length
  state.last.set(worker, result)
  state.failure ??= result.failure
  state.entries.push(...result.found)
  // A failing run is kept, too: the next sweep begins with it.
  const kept = [...result.found, ...(result.failure?.entry === undefined ? [] : [result.failure.entry])]
  for (const entry of kept) CorpusFolder.write(corpus, folderName(state.name, isPlanted), entry)
  // Other workers may have reached less.
  if (state.workers.length > 1) return
  for (const entry of result.useless) CorpusFolder.remove(corpus, folderName(state.name, isPlanted), entry)
}

const folderName = (name: string, isPlanted: boolean) => (isPlanted ? `planted ${name}` : name)

/** Runs the slices of one worker until the time is over, or all of its suites have failed. */
const runWorker = (
  worker: number,
  states: ReadonlyArray<SuiteState>,
  options: Options,
  endMillis: number,
  onFailure: (state: SuiteState) => void
) =>
  new Promise<void>((resolve, reject) => {
    const thread = new Worker(new URL("./worker.ts", import.meta.url), { env: process.env })
    const own = new Set<Entry>()
    let turn = 0
    let current: SuiteState | undefined
    const next = () => {
      const open = states.filter(({ failure, workers }) => failure === undefined && workers.includes(worker))
      const leftMillis = endMillis - performance.now()
      current = leftMillis <= 0 ? undefined : open[turn++ % Math.max(1, open.length)]
      if (current === undefined) return void thread.terminate().then(() => resolve(), reject)
      const slice: Slice = {
        ...{ name: current.name, isPlanted: options.isPlanted, millis: Math.min(sliceMillis, leftMillis) },
        seed: options.seed + 1_000_000 * worker + current.runs,
        imports: importsFor(current, worker, own)
      }
      thread.postMessage(slice)
    }
    thread.on("message", (result: SliceResult) => {
      const wasFailing = current!.failure !== undefined
      for (const entry of result.found) own.add(entry)
      addResult(current!, worker, result, options)
      if (!wasFailing && result.failure !== undefined) onFailure(current!)
      next()
    })
    thread.once("error", reject)
    next()
  })

/** Sums the tables of all workers. */
const coverageOf = ({ last }: SuiteState): ReadonlyArray<Coverage.Row> => {
  const rows = new Map<string, Coverage.Row>()
  for (const row of [...last.values()].flatMap(({ coverage }) => coverage)) {
    const known = rows.get(`${row.kind} ${row.name}`)
    const runs = (known?.runs ?? 0) + row.runs
    rows.set(`${row.kind} ${row.name}`, { ...row, runs, firstSeed: known?.firstSeed ?? row.firstSeed })
  }
  return [...rows.values()]
}

const indented = (text: string) => text.replaceAll(/^(?=.)/gm, "  ")

const lineOf = (state: SuiteState, isPlanted: boolean) => {
  const { failure, found, last, loaded, name, realMillis, runs, unreadable } = state
  const seconds = (realMillis / 1_000).toFixed(1)
  const verdict = failure === undefined ? (isPlanted ? "NOT FOUND" : "passed") : isPlanted ? "found" : "FAILED"
  const features = Math.max(0, ...[...last.values()].map((one) => one.features))
  const corpus = features === 0 ? "" : `, ${features} features, corpus ${loaded} + ${found}`
  const skipped = unreadable === 0 ? "" : `, ${unreadable} unreadable files`
  return `${name}: ${verdict}: ${runs} runs in ${seconds} s (${((1_000 * runs) / realMillis || 0).toFixed(1)} runs/s)${corpus}${skipped}`
}

/** Labels that the suites expect and that no run reached. */
const neverReached = (rows: ReadonlyArray<Coverage.Row>) =>
  rows.filter(({ kind, runs }) => kind === "state" && runs === 0).map(({ name }) => JSON.stringify(name))

/** Explores the suites. Returns true if none of ours failed, or if each planted bug was found. */
export const run = Effect.fnUntraced(function* (options: Options) {
  const { isPlanted, names } = options
  const workers = Os.availableParallelism()
  const states = makeStates({ ...options, names: names.map((name) => folderName(name, isPlanted)) }, workers).map(
    (state, index): SuiteState => ({ ...state, name: names[index]! })
  )
  const endMillis = performance.now() + 60_000 * options.minutes
  const log = (text: string) => process.stdout.write(`${text}\n`)
  const onFailure = (state: SuiteState) =>
    log(isPlanted ? lineOf(state, true) : `\n${state.name}: FAILED\n${indented(state.failure!.text)}\n`)
  yield* Effect.promise(() =>
    Promise.all(
      Array.from({ length: workers }, (_, worker) => runWorker(worker, states, options, endMillis, onFailure))
    )
  )
  for (const state of states) {
    if (isPlanted && state.failure !== undefined) continue
    yield* Console.log(lineOf(state, isPlanted))
    const rows = coverageOf(state)
    if (rows.length > 0) yield* Console.log(indented(Coverage.format(rows, state.runs)))
    const missing = neverReached(rows)
    if (missing.length > 0) yield* Console.log(`  no run reached ${missing.join(", ")}`)
  }
  const failed = states.filter(({ failure }) => failure !== undefined).length
  const found = `${failed} of ${names.length} planted bugs found`
  yield* Console.log(isPlanted ? found : `${names.length - failed} of ${names.length} suites passed`)
  return failed === (isPlanted ? names.length : 0)
})
