/** Runs `ScanMachine`: performs its tests, and feeds it their answers and its timers. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Monotonic from "../../network/Monotonic.ts"
import * as Signal from "../../network/Signal.ts"
import { type Answer, PortTest } from "./PortTest.ts"
import * as ScanMachine from "./ScanMachine.ts"

/** This host has had no descriptor or local port for a test for some time. */
class NoResource extends Data.TaggedError("NoResource")<{ readonly outstandingTests: number }> {}

/** Pauses without a descriptor or port after which the scan fails: three seconds. */
const maxResourceFailures = 60

/** Receives the results as they are known, with the state after them. */
export type OnVerdicts<R> = (
  verdicts: ReadonlyArray<ScanMachine.PortVerdict>,
  state: ScanMachine.State
) => Effect.Effect<void, never, R>

/** Scans, and passes the verdicts on. Succeeds when all ports have one. */
export const run = Effect.fnUntraced(function* <R>(options: ScanMachine.Options, onVerdicts: OnVerdicts<R>) {
  const portTest = yield* PortTest
  const now = yield* Monotonic.millis
  const signal = Signal.make()
  let answers: Array<Answer> = []
  const onAnswers = (more: ReadonlyArray<Answer>) => {
    for (const answer of more) answers.push(answer)
    signal.notify()
  }
  const expectedTests = options.hosts.length * options.ports.length
  const tests = yield* portTest.open(options.transport, onAnswers, expectedTests)
  let state = ScanMachine.make(options, now())
  const perform = Effect.fnUntraced(function* (event: ScanMachine.Event) {
    const [next, actions] = ScanMachine.step(state, event, now())
    state = next
    if (actions.cancels.length > 0) tests.cancel(actions.cancels)
    if (actions.tests.length > 0) tests.start(actions.tests)
    if (actions.verdicts.length > 0) yield* onVerdicts(actions.verdicts, state)
    if (state.resourceFailures > maxResourceFailures) {
      return yield* new NoResource({ outstandingTests: state.outstandingTests })
    }
  })
  const takeAnswers = Effect.suspend(() => {
    if (answers.length === 0) return Effect.void
    const taken = answers
    answers = []
    return perform({ _tag: "Answered", answers: taken })
  })
  yield* perform({ _tag: "Started" })
  while (!state.isDone) {
    const due = state.dueMillis
    const timer = Effect.sleep(Math.max(0, due - now()))
    yield* Number.isFinite(due) ? Effect.raceFirst(signal.wait, timer) : signal.wait
    const atMillis = now()
    const isDue = atMillis >= due
    // A busy host must not miss answers that have arrived before the timeouts.
    if (isDue) yield* tests.settle
    yield* takeAnswers
    if (isDue && !state.isDone) yield* perform({ _tag: "TimerFired", atMillis })
  }
}, Effect.scoped)
