import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { assert, describe, it } from "@effect/vitest"
import * as Bytes from "effect/Bytes"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import type { ProtocolError } from "../../../../src/farm/tcp/wire/ProtocolError.ts"
import * as SealedConnection from "../../../../src/farm/tcp/wire/SealedConnection.ts"
import type { NetworkError } from "../../../../src/network/Network.ts"

const native = Effect.provide(SealedConnection.aead, NodeCrypto.layerAead)

const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
const sender: SealedConnection.Keys = { sending: one, receiving: two }
const receiver: SealedConnection.Keys = { sending: two, receiving: one }

const none = new Uint8Array(0)

/** Returns the sealed bytes of each content. */
const seal = Effect.fnUntraced(function* (
  contents: ReadonlyArray<Uint8Array>,
  keys = sender,
  aead = native
): Effect.fn.Return<ReadonlyArray<Uint8Array>, NetworkError> {
  const written: Array<Uint8Array> = []
  const connection: SealedConnection.ByteStream = {
    pull: Cause.done(),
    write: (bytes) => Effect.sync(() => void written.push(bytes))
  }
  const { write } = yield* SealedConnection.make(connection, none, yield* aead, keys)
  yield* Effect.forEach(contents, write)
  return written
})

/** Opens bytes that arrive in chunks, the first of them before the connection was sealed. */
const open = Effect.fnUntraced(function* (
  chunks: ReadonlyArray<Uint8Array>,
  keys = receiver,
  aead = native
): Effect.fn.Return<{ readonly content: Uint8Array; readonly error: ProtocolError | undefined }, NetworkError> {
  const [unread = none, ...rest] = chunks
  const connection: SealedConnection.ByteStream = {
    pull: Effect.suspend(() => {
      const chunk = rest.shift()
      return chunk === undefined ? Cause.done() : Effect.succeed(chunk)
    }),
    write: () => Effect.void
  }
  const { pull } = yield* SealedConnection.make(connection, unread, yield* aead, keys)
  const opened: Array<Uint8Array> = []
  const collect = Effect.forever(Effect.map(pull, (bytes) => void opened.push(bytes)))
  const error = yield* collect.pipe(
    Pull.catchDone(() => Effect.undefined),
    Effect.catchTag("ProtocolError", (error) => Effect.succeed<ProtocolError | undefined>(error))
  )
  if (error !== undefined) assert.deepStrictEqual(yield* Effect.exit(pull), Exit.fail(error))
  return { content: Bytes.concat(opened), error }
})

const inPieces = (bytes: Uint8Array, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.slice(index * size, (index + 1) * size))

const Contents = Schema.NonEmptyArray(Schema.Uint8Array.check(Schema.isMinLength(1)))
const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 50 }))
const Natural = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1 << 20 }))

type Frames = ReadonlyArray<Uint8Array>

/** Attacks on a frame that is not the last. They return what is received, and the number of the first bad one. */
const attacks = {
  drop: (frames: Frames, at: number) => ({ received: frames.toSpliced(at, 1), bad: at }),
  repeat: (frames: Frames, at: number) => ({ received: frames.toSpliced(at + 1, 0, frames[at]!), bad: at + 1 }),
  swap: (frames: Frames, at: number) => ({ received: frames.toSpliced(at, 2, frames[at + 1]!, frames[at]!), bad: at }),
  // Not the last byte: the first one of the next frame takes its place, and may be equal.
  cut: (frames: Frames, at: number) => ({
    received: frames.with(at, Uint8Array.from([...frames[at]!].toSpliced(4, 1))),
    bad: at
  }),
  "insert a clear frame": (frames: Frames, at: number) => {
    const clear = Bytes.concat([Uint8Array.of(0, 0, 0, 15), new TextEncoder().encode('{"_tag":"Pong"}')])
    return { received: frames.toSpliced(at, 0, clear), bad: at }
  }
} as const

describe("SealedConnection", () => {
  it.effect.prop("opens what was sealed, wherever it arrives in pieces", [Contents, Size], ([contents, size]) =>
    Effect.gen(function* () {
      const sealed = Bytes.concat(yield* seal(contents))
      const { content, error } = yield* open(inPieces(sealed, size))
      assert.deepStrictEqual(content, Bytes.concat(contents))
      assert.isUndefined(error)
    })
  )

  it.effect("seals long content in several frames, in the same way with every implementation", () =>
    Effect.gen(function* () {
      const content = Uint8Array.from({ length: 600_000 }, (_, at) => at % 251)
      const sealed = yield* seal([content])
      assert.strictEqual(sealed[0]!.length, content.length + 3 * 20)
      assert.deepStrictEqual(sealed, yield* seal([content], sender, SealedConnection.aead))
      const opened = yield* open(inPieces(sealed[0]!, 65_536), receiver, SealedConnection.aead)
      assert.deepStrictEqual(opened.content, content)
    })
  )

  it.effect.prop(
    "returns nothing of a frame with an altered byte, and nothing after it",
    [Contents, Natural, Size],
    ([contents, position, mask]) =>
      Effect.gen(function* () {
        const frames = yield* seal(contents)
        const bytes = Bytes.concat(frames)
        const at = position % bytes.length
        bytes[at]! ^= mask
        const starts = frames.map((_, index) => Bytes.concat(frames.slice(0, index)).length)
        const before = starts.findLastIndex((start) => start <= at)
        const { content, error } = yield* open([bytes])
        assert.deepStrictEqual(content, Bytes.concat(contents.slice(0, before)))
        // A length that is too large waits for bytes that never come.
        const isWaiting = at - starts[before]! < 4
        if (!isWaiting) assert.match(error!.message, new RegExp(`sealed frame ${before} was altered, repeated or lost`))
      })
  )

  it.effect.prop(
    "returns nothing after a frame that was dropped, repeated, moved, cut or inserted",
    [Contents, Natural, Schema.Literals(Object.keys(attacks) as ReadonlyArray<keyof typeof attacks>)],
    ([contents, position, kind]) =>
      Effect.gen(function* () {
        const all = [...contents, ...contents]
        const frames = yield* seal(all)
        const { bad, received } = attacks[kind](frames, position % (frames.length - 1))
        const { content, error } = yield* open(received)
        assert.deepStrictEqual(content, Bytes.concat(all.slice(0, bad)))
        const message = `authentication failed: sealed frame ${bad} was altered, repeated or lost on its way`
        assert.strictEqual(error?.message, message)
      })
  )

  it.effect("opens no frame of the other direction, or with another key", () =>
    Effect.gen(function* () {
      const frames = yield* seal([Uint8Array.of(1)])
      for (const keys of [sender, { ...receiver, receiving: new Uint8Array(32) }]) {
        const { content, error } = yield* open(frames, keys)
        assert.strictEqual(content.length, 0)
        assert.strictEqual(error?.reason._tag, "BadSeal")
      }
    })
  )
})
