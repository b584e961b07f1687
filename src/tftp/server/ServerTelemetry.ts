/** Counts, logs and publishes the outcome of each request of a server. */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import * as ServerEvents from "../../network/ServerEvents.ts"
import type * as TftpError from "../TftpError.ts"
import * as TftpServerEvent from "../TftpServerEvent.ts"
import type * as Transfer from "../transfer/Transfer.ts"
import * as TftpMetrics from "./TftpMetrics.ts"

/** The counters and events of a server, with a function for each step of a transfer. */
export interface ServerTelemetry {
  readonly stats: TftpMetrics.Stats
  readonly events: Stream.Stream<TftpServerEvent.Event>
  /** Returns the number of running transfers with clients at an address. */
  readonly activeTransfersOf: (address: string) => number
  /** Counts a transfer that starts. */
  readonly transferStarted: (info: TftpServerEvent.TransferInfo) => void
  /** Counts a transfer that has ended, successfully or not. */
  readonly transferEnded: (info: TftpServerEvent.TransferInfo) => void
  /** Publishes the progress of a transfer. */
  readonly progress: (info: TftpServerEvent.TransferInfo, transfer: Transfer.Transfer) => void
  /** Reports a refused request: `peerMessage` was sent to the client, `detail` goes to the log. */
  readonly refused: (info: TftpServerEvent.TransferInfo, peerMessage: string, detail: string) => Effect.Effect<void>
  /** Reports a transfer that succeeded. */
  readonly finished: (
    info: TftpServerEvent.TransferInfo,
    summary: Transfer.Summary,
    millis: number
  ) => Effect.Effect<void>
  /** Reports a transfer that failed, or that the client ended after the OACK. */
  readonly failed: (
    info: TftpServerEvent.TransferInfo,
    error: TftpError.TftpError,
    transfer: Transfer.Transfer
  ) => Effect.Effect<void>
  /** Reports a transfer that was stopped: the server is stopping, or the client sent another request. */
  readonly stopped: (info: TftpServerEvent.TransferInfo, transfer: Transfer.Transfer | undefined) => Effect.Effect<void>
}

const directionOf = ({ kind }: TftpServerEvent.TransferInfo) => (kind === "RRQ" ? "out" : "in")

/** Makes the telemetry of one server. */
export const make = Effect.fnUntraced(function* () {
  const { addActive, countEnded, stats } = TftpMetrics.make(yield* Effect.context<never>())
  const { emit, events } = yield* ServerEvents.make<TftpServerEvent.Event>()
  const perClient = new Map<string, number>()
  const countActive = ({ client: { address } }: TftpServerEvent.TransferInfo, by: 1 | -1) => {
    addActive(by)
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
      emit(() => ({ _tag: "Started", transfer: info }))
    },
    transferEnded: (info) => countActive(info, -1),
    progress: (info, transfer) => emit(() => ({ _tag: "Progress", transfer: info, summary: transfer.summary() })),
    refused: Effect.fnUntraced(function* (info, peerMessage, detail) {
      stats.refused++
      countEnded(directionOf(info), "refused", undefined)
      yield* Effect.logInfo(`${TftpServerEvent.describe(info)}: ${detail}`)
      emit(() => ({ _tag: "Refused", transfer: info, peerMessage }))
    }),
    finished: Effect.fnUntraced(function* (info, summary, millis) {
      stats.finished++
      countEnded(directionOf(info), "finished", summary)
      yield* Effect.logInfo(`${TftpServerEvent.describe(info)}: ${TftpServerEvent.describeSummary(summary, millis)}`)
      emit(() => ({ _tag: "Finished", transfer: info, summary, millis }))
    }),
    failed: Effect.fnUntraced(function* (info, error, transfer) {
      const { reason } = error
      const summary = transfer.summary()
      if (reason._tag === "Refused" && !transfer.handshakeDone()) {
        stats.probed++
        countEnded(directionOf(info), "probed", summary)
        yield* Effect.logInfo(
          `${TftpServerEvent.describe(info)}: size probe: the client ended the transfer after the OACK (error ${reason.code})`
        )
        emit(() => ({ _tag: "Probed", transfer: info }))
        return
      }
      stats.failed++
      countEnded(directionOf(info), reason._tag, summary)
      yield* Effect.logWarning(`${TftpServerEvent.describe(info)}: ${error.message}`)
      emit(() => ({ _tag: "Failed", transfer: info, error, summary }))
    }),
    stopped: Effect.fnUntraced(function* (info, transfer) {
      stats.failed++
      countEnded(directionOf(info), "stopped", transfer?.summary())
      yield* Effect.logWarning(`${TftpServerEvent.describe(info)}: stopped before the end`)
    })
  }
  return telemetry
})
