/** What becomes of the requests of a server: counted, logged, and told to who watches. */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as TftpError from "../TftpError.ts"
import * as TftpEvent from "../TftpEvent.ts"
import type * as Transfer from "../transfer/Transfer.ts"
import * as TftpMetrics from "./TftpMetrics.ts"

/** The books of a server. */
interface Ledger {
  readonly stats: TftpMetrics.Stats
  readonly events: PubSub.PubSub<TftpEvent.Event>
  /** Transfers with the clients at this address. */
  readonly activeOf: (address: string) => number
  readonly admit: (about: TftpEvent.About) => Effect.Effect<void>
  /** The transfer is over, however it went. */
  readonly leave: (about: TftpEvent.About) => void
  readonly progress: (about: TftpEvent.About, summary: Transfer.Summary) => void
  /** `answer` is what the client was told, `why` is for the log. */
  readonly refused: (about: TftpEvent.About, answer: string, why: string) => Effect.Effect<void>
  readonly finished: (about: TftpEvent.About, summary: Transfer.Summary, millis: number) => Effect.Effect<void>
  readonly failed: (
    about: TftpEvent.About,
    error: TftpError.TftpError,
    transfer: Transfer.Transfer
  ) => Effect.Effect<void>
  /** By the server's end, or since the client turned to something else. */
  readonly stopped: (about: TftpEvent.About, transfer: Transfer.Transfer | undefined) => Effect.Effect<void>
}

/** A reader that is more events behind loses the oldest. */
const capacity = 1_024

const direction = ({ kind }: TftpEvent.About) => (kind === "RRQ" ? "out" : "in")

export const make = Effect.gen(function* () {
  const { ended, stats, occupy } = TftpMetrics.make(yield* Effect.context<never>())
  const events = yield* PubSub.sliding<TftpEvent.Event>(capacity)
  const perClient = new Map<string, number>()
  const publish = (event: TftpEvent.Event) => PubSub.publish(events, event)
  const count = ({ client: { address } }: TftpEvent.About, by: 1 | -1) => {
    occupy(by)
    const left = (perClient.get(address) ?? 0) + by
    if (left === 0) perClient.delete(address)
    else perClient.set(address, left)
  }
  const ledger: Ledger = {
    stats,
    events,
    activeOf: (address) => perClient.get(address) ?? 0,
    admit: (about) => {
      stats.started++
      count(about, 1)
      return publish({ _tag: "Started", about })
    },
    leave: (about) => count(about, -1),
    progress: (about, summary) => {
      PubSub.publishUnsafe(events, { _tag: "Progress", about, summary })
    },
    refused: Effect.fnUntraced(function* (about, answer, why) {
      stats.refused++
      ended(direction(about), "refused", undefined)
      yield* Effect.logInfo(`${TftpEvent.describe(about)}: ${why}`)
      yield* publish({ _tag: "Refused", about, answer })
    }),
    finished: Effect.fnUntraced(function* (about, summary, millis) {
      stats.finished++
      ended(direction(about), "finished", summary)
      yield* Effect.logInfo(`${TftpEvent.describe(about)}: ${TftpEvent.describeSummary(summary, millis)}`)
      yield* publish({ _tag: "Finished", about, summary, millis })
    }),
    failed: Effect.fnUntraced(function* (about, error, transfer) {
      const { reason } = error
      const summary = transfer.summary()
      if (reason._tag === "Refused" && !transfer.greeted()) {
        stats.probed++
        ended(direction(about), "probed", summary)
        yield* Effect.logInfo(`${TftpEvent.describe(about)}: the client took the size and left (error ${reason.code})`)
        yield* publish({ _tag: "Probed", about })
        return
      }
      stats.failed++
      ended(direction(about), reason._tag, summary)
      yield* Effect.logWarning(`${TftpEvent.describe(about)}: ${error.message}`)
      yield* publish({ _tag: "Failed", about, error, summary })
    }),
    stopped: Effect.fnUntraced(function* (about, transfer) {
      stats.failed++
      ended(direction(about), "stopped", transfer?.summary())
      yield* Effect.logWarning(`${TftpEvent.describe(about)}: stopped`)
    })
  }
  return ledger
})
