/** Retransmission of a client: the delays of its request and of its transfer, and the time after which it gives up. */
import * as Duration from "effect/Duration"
import type * as Packet from "../protocol/Packet.ts"
import * as ReceiveTransfer from "../transfer/ReceiveTransfer.ts"
import * as Retransmission from "../transfer/Retransmission.ts"

/** Options of a transfer that select its delays. */
export interface Options {
  readonly timeout?: Duration.Input | undefined
  readonly attempts?: number | undefined
  readonly patience?: Duration.Input | undefined
  readonly retransmission?: Retransmission.Retransmission | undefined
}

/** The default patience, in milliseconds, and in timeouts. */
const defaultPatience = { millis: 25_000, timeouts: 3 }

const patienceMillisOf = ({ attempts, patience, retransmission, timeout }: Options): number => {
  if (patience !== undefined) return Duration.toMillis(patience)
  if (attempts !== undefined || retransmission !== undefined) return Number.POSITIVE_INFINITY
  const timeoutMillis = timeout === undefined ? 0 : Duration.toMillis(timeout)
  return Math.max(defaultPatience.millis, defaultPatience.timeouts * timeoutMillis)
}

const withPatience = (policy: Retransmission.Retransmission, options: Options): Retransmission.Retransmission => {
  const patienceMillis = patienceMillisOf(options)
  return patienceMillis === Number.POSITIVE_INFINITY
    ? policy
    : Retransmission.withDeadline(policy, { deadline: patienceMillis })
}

/** Returns the policies of the request and of the transfer. With a timeout everything is repeated at that interval. */
export const make = (kind: Packet.Request["_tag"], options: Options) => {
  const { attempts = Number.POSITIVE_INFINITY, retransmission, timeout } = options
  const ofSender =
    retransmission ??
    (timeout === undefined ? Retransmission.adaptive({ attempts }) : Retransmission.fixed({ every: timeout, attempts }))
  const ofTransfer = kind === "RRQ" && timeout === undefined ? ReceiveTransfer.retransmissionOf(ofSender) : ofSender
  return { request: withPatience(ofSender, options), transfer: withPatience(ofTransfer, options) }
}
