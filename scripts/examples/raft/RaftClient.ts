/** A client of a Raft cluster: finds the leader, and repeats a request until it is answered. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import { Network } from "effect-inet/network"
import type * as KeyValue from "./KeyValue.ts"
import * as RaftMessage from "./RaftMessage.ts"

/** Opens a client; `name` is its session and must be its own. Another server is asked after `patienceMillis`. */
export const make = Effect.fnUntraced(function* (name: string, servers: ReadonlyArray<string>, patienceMillis = 200) {
  const inbox = yield* Queue.sliding<{ readonly from: string; readonly message: RaftMessage.Message }>(64)
  const socket = yield* (yield* Network.Network).udp({ host: "0.0.0.0" }, (bytes, from) => {
    const message = Option.getOrUndefined(RaftMessage.decode(bytes))
    if (message !== undefined) Queue.offerUnsafe(inbox, { from: RaftMessage.nameOf(from), message })
  })
  const send = (to: string, message: RaftMessage.Message) =>
    Effect.ignore(socket.send(RaftMessage.encode(message), RaftMessage.addressOf(to)))
  let serial = 0
  let asked = servers[0]!
  // Not the one after `asked`: a server that was removed may know a wrong leader for ever.
  let next = 1
  const another = () => servers[next++ % servers.length]!
  let isAnswered = true

  /** Waits for the reply, or for the leader's name from the server that was asked. */
  const answer = Effect.gen(function* () {
    while (true) {
      const { from, message } = yield* Queue.take(inbox)
      if (message._tag === "Reply" && message.serial === serial) return message
      if (message._tag === "NotLeader" && from === asked && message.leader !== null) return message
    }
  })

  return {
    /** Performs an operation once, however often it has to be sent. Does not fail: set a timeout. */
    request: Effect.fnUntraced(function* (operation: KeyValue.Operation) {
      serial++
      if (!isAnswered) asked = another()
      isAnswered = false
      while (true) {
        yield* send(asked, { _tag: "Submit", request: { client: name, serial, operation } })
        const result = Option.getOrUndefined(yield* Effect.timeoutOption(answer, patienceMillis))
        isAnswered = result?._tag === "Reply"
        if (result?._tag === "Reply") return result.reply
        asked = result?.leader ?? another()
      }
    }),
    /** Asks every server to add or remove a member. Only a leader that may do it does; nothing is answered. */
    change: (server: string, isMember: boolean) =>
      Effect.forEach(servers, (one) => send(one, { _tag: "Change", server, isMember }), { discard: true })
  }
})
