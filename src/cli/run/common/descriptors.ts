/** The check of a server that its clients find file descriptors: without one for a client it would serve nobody. */
import * as Effect from "effect/Effect"
import * as Network from "../../../network/Network.ts"
import * as NodeDescriptorBudget from "../../../network/node/NodeDescriptorBudget.ts"
import { CannotServe } from "./serverMessages.ts"

/** Clients of a server, and the file descriptors that it takes for each of them. */
export interface Capacity {
  /** Clients at a time. */
  readonly clients: number
  readonly descriptorsEach: number
}

/** Capacity of a server whose clients take no descriptors: it has the one socket that it has opened. */
export const unlimited: Capacity = { clients: 0, descriptorsEach: 1 }

/** Fails if the process has no descriptors for a client, and logs a warning if it has too few for all. */
export const check = Effect.fnUntraced(function* (
  name: string,
  { clients, descriptorsEach }: Capacity,
  limit: number = NodeDescriptorBudget.readLimit()
) {
  const available = Math.max(0, (yield* Network.Network).availableSockets())
  const fitting = Math.floor(available / descriptorsEach)
  if (fitting >= clients) return
  const fix = `(limit ${limit}, ${available} left, ${descriptorsEach} for each); raise the limit with ulimit -n`
  if (fitting === 0) {
    return yield* new CannotServe({ message: `${name}: too few file descriptors for a client ${fix}` })
  }
  yield* Effect.logWarning(`${name}: at most ${fitting} of ${clients} clients: too few file descriptors ${fix}`)
})
