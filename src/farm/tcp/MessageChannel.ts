/** Messages over a connection: those that come, one batch after the other, and those that wait to be sent. */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Pull from "effect/Pull"
import type { Connection, NetworkError } from "../../network/Network.ts"
import * as Protocol from "./Protocol.ts"

/** One side of a conversation. */
export interface Talk {
  /** Waits for messages; `Done` when the other side sends no more. One fiber at a time. */
  readonly pull: Pull.Pull<ReadonlyArray<Protocol.Message>, NetworkError | Protocol.ProtocolError>
  /** Waits for one message. */
  readonly next: Pull.Pull<Protocol.Message, NetworkError | Protocol.ProtocolError>
  /** Puts frames on their way, soon and in this order. */
  readonly send: (frames: ReadonlyArray<Uint8Array>) => void
  /** Sends, until the connection fails. */
  readonly sending: Effect.Effect<never, NetworkError>
  /** Waits until little waits to be sent: who asks before reading on holds back a peer that does not read. */
  readonly room: Effect.Effect<void>
  /** Frames that come may be so long from now on. */
  readonly allow: (max: number) => void
}

/** So many bytes may wait to be sent before no more is read. */
const mark = 1 << 18

/** Waits for so many bytes; `Done` if they do not come. What came with them is the rest. */
export const head = Effect.fnUntraced(function* (connection: Pick<Connection, "pull">, length: number) {
  let bytes = yield* connection.pull
  while (bytes.length < length) bytes = Bytes.concat([bytes, yield* connection.pull])
  return { head: bytes.subarray(0, length), rest: bytes.subarray(length) }
})

/** Talks over a connection, on which `rest` has come already. */
export const make = (connection: Pick<Connection, "pull" | "write">, rest: Uint8Array): Talk => {
  const decoder = Protocol.decoder()
  const wanted = Latch.makeUnsafe(false)
  const room = Latch.makeUnsafe(true)
  let come: ReadonlyArray<Protocol.Message> = []
  let first: Uint8Array | undefined = rest
  let waiting: Array<Uint8Array> = []
  let bytes = 0

  const read = Effect.suspend(() => {
    if (first === undefined) return connection.pull
    const before = first
    first = undefined
    return Effect.succeed(before)
  })
  const batch = Effect.flatMap(read, (chunk) => Effect.fromResult(decoder.push(chunk)))
  const pull: Talk["pull"] = Effect.suspend(() => {
    const left = come
    come = []
    return left.length > 0
      ? Effect.succeed(left)
      : Effect.flatMap(batch, (all) => (all.length > 0 ? Effect.succeed(all) : pull))
  })
  const flush = Effect.suspend(() => {
    wanted.closeUnsafe()
    const all = Bytes.concat(waiting)
    waiting = []
    return Effect.map(connection.write(all), () => {
      bytes -= all.length
      if (bytes <= mark) room.openUnsafe()
    })
  })
  return {
    pull,
    next: Effect.map(pull, ([message, ...others]) => {
      come = others
      return message!
    }),
    send: (frames) => {
      if (frames.length === 0) return
      for (const frame of frames) {
        waiting.push(frame)
        bytes += frame.length
      }
      wanted.openUnsafe()
      if (bytes > mark) room.closeUnsafe()
    },
    sending: Effect.forever(Effect.andThen(wanted.await, flush), { disableYield: true }),
    room: room.await,
    allow: decoder.allow
  }
}

const unexpected = (detail: string) => new Protocol.ProtocolError({ reason: new Protocol.Unexpected({ detail }) })

/** Nothing was heard for so long. */
export const silent = (millis: number) => new Protocol.ProtocolError({ reason: new Protocol.Silent({ millis }) })

/** A message that has no place here. */
export const misplaced = (message: Protocol.Message) => unexpected(`${message._tag} has no place here`)

/** An id that nobody knows, or that is known already. */
export const wrongId = (id: number, detail: string) => unexpected(`packet ${id}: ${detail}`)

/** The other side has ended the conversation. */
export const ended = (detail: string) => () => Effect.fail(unexpected(detail))
