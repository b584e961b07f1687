/** What becomes of the requests of a server: counted, logged, and told to who watches. */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as TftpError from "../TftpError.ts"
import * as TftpEvent from "../TftpEvent.ts"
import type * as Transfer from "../transfer/Transfer.ts"
import * as TftpMetrics from "./TftpMetrics.ts"

/** The books of a server. */
interface ServerTelemetry {
  readonly stats: TftpMetrics.Stats
  readonly events: PubSub.PubSub<TftpEvent.Event>
  /** Transfers with the clients at this address. */
  readonly activeTransfersOf: (address: string) => number
  readonly transferStarted: (info: TftpEvent.TransferInfo) => Effect.Effect<void>
  /** The transfer is over, however it went. */
  readonly transferEnded: (info: TftpEvent.TransferInfo) => void
  readonly progress: (info: TftpEvent.TransferInfo, summary: Transfer.Summary) => void
  /** `peerMessage` is what the client was told, `detail` is for the log. */
  readonly refused: (info: TftpEvent.TransferInfo, peerMessage: string, detail: string) => Effect.Effect<void>
  readonly finished: (info: TftpEvent.TransferInfo, summary: Transfer.Summary, millis: number) => Effect.Effect<void>
  readonly failed: (
    info: TftpEvent.TransferInfo,
    error: TftpError.TftpError,
    transfer: Transfer.Transfer
  ) => Effect.Effect<void>
  /** By the server's end, or since the client turned to something else. */
  readonly stopped: (info: TftpEvent.TransferInfo, transfer: Transfer.Transfer | undefined) => Effect.Effect<void>
}

/** A reader that is more events behind loses the oldest. */
const maxBufferedEvents = 1_024

const direction = ({ kind }: TftpEvent.TransferInfo) => (kind === "RRQ" ? "out" : "in")

export const make = Effect.gen(function* () {
  const { ended, stats, occupy } = TftpMetrics.make(yield* Effect.context<never>())
  const events = yield* PubSub.sliding<TftpEvent.Event>(maxBufferedEvents)
  const perClient = new Map<string, number>()
  const publish = (event: TftpEvent.Event) => PubSub.publish(events, event)
  const countActive = ({ client: { address } }: TftpEvent.TransferInfo, by: 1 | -1) => {
    occupy(by)
    const remaining = (perClient.get(address) ?? 0) + by
    if (remaining === 0) perClient.delete(address)
    else perClient.set(address, remaining)
  }
  const telemetry: ServerTelemetry = {
    stats,
    events,
    activeTransfersOf: (address) => perClient.get(address) ?? 0,
    transferStarted: (info) => {
      stats.started++
      countActive(info, 1)
      return publish({ _tag: "Started", transfer: info })
    },
    transferEnded: (info) => countActive(info, -1),
    progress: (info, summary) => {
      PubSub.publishUnsafe(events, { _tag: "Progress", transfer: info, summary })
    },
    refused: Effect.fnUntraced(function* (info, peerMessage, detail) {
      stats.refused++
      ended(direction(info), "refused", undefined)
      yield* Effect.logInfo(`${TftpEvent.describe(info)}: ${detail}`)
      yield* publish({ _tag: "Refused", transfer: info, peerMessage })
    }),
    finished: Effect.fnUntraced(function* (info, summary, millis) {
      stats.finished++
      ended(direction(info), "finished", summary)
      yield* Effect.logInfo(`${TftpEvent.describe(info)}: ${TftpEvent.describeSummary(summary, millis)}`)
      yield* publish({ _tag: "Finished", transfer: info, summary, millis })
    }),
    failed: Effect.fnUntraced(function* (info, error, transfer) {
      const { reason } = error
      const summary = transfer.summary()
      if (reason._tag === "Refused" && !transfer.handshakeDone()) {
        stats.probed++
        ended(direction(info), "probed", summary)
        yield* Effect.logInfo(`${TftpEvent.describe(info)}: the client took the size and left (error ${reason.code})`)
        yield* publish({ _tag: "Probed", transfer: info })
        return
      }
      stats.failed++
      ended(direction(info), reason._tag, summary)
      yield* Effect.logWarning(`${TftpEvent.describe(info)}: ${error.message}`)
      yield* publish({ _tag: "Failed", transfer: info, error, summary })
    }),
    stopped: Effect.fnUntraced(function* (info, transfer) {
      stats.failed++
      ended(direction(info), "stopped", transfer?.summary())
      yield* Effect.logWarning(`${TftpEvent.describe(info)}: stopped`)
    })
  }
  return telemetry
})
