import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Board from "../../src/board/Board.ts"
import * as BoardSession from "../../src/board/BoardSession.ts"
import * as Grid from "../../src/board/Grid.ts"
import { Ask, Message } from "../../src/board/Message.ts"
import * as Reply from "../../src/board/Reply.ts"
import type { Input, Output } from "../../src/session/Session.ts"

const client = { id: 1, remote: "127.0.0.1:5", seed: 0 }

/** Returns a function that sends a line and returns the reply. */
const makeClient = Effect.fnUntraced(function* (size: number) {
  const session = BoardSession.session({ size })
  const board = yield* Board.make({ size })
  const pushed: Array<Message> = []
  const answer = yield* board.attach(client, (message) => pushed.push(message))
  let [state, out] = session.open(client)
  assert.deepStrictEqual(out, {})
  const step = (input: Input<Message>) => {
    ;[state, out] = session.receive(state, input)
    return out.text ?? ""
  }
  return Effect.fnUntraced(function* (text: string) {
    let reply = step({ _tag: "Line", text })
    const last: Output<Ask> = out
    if (last.ask !== undefined) {
      const message = yield* answer(last.ask)
      for (const push of pushed.splice(0)) reply += step({ _tag: "Message", message: push })
      reply += step({ _tag: "Message", message })
    }
    return { reply, closed: last.close === true }
  })
})

const guide = Fs.readFileSync(new URL("../../docs/guide/board.md", import.meta.url), "utf8")

/** Dialogue of the guide: each line of the client with the lines of the reply. */
const dialogue = /```\n(> [\s\S]*?)```/
  .exec(guide)![1]!
  .trim()
  .split(/^> /m)
  .slice(1)
  .map((turn) => turn.split("\n< "))

describe("BoardSession", () => {
  it.effect("answers as the dialogue in the guide", () =>
    Effect.gen(function* () {
      const send = yield* makeClient(5)
      assert.isAtLeast(dialogue.length, 10)
      for (const [line, ...reply] of dialogue) {
        const answer = yield* send(line!)
        assert.strictEqual(answer.reply, reply.map((line) => `${line.trim()}\n`).join(""))
        assert.strictEqual(answer.closed, line!.trim() === "quit")
      }
    })
  )

  it("has every error code and every first word in the guide", () => {
    for (const code of ["control", "empty", "line", "number", "outside", "same", "unknown", "usage"]) {
      assert.include(guide, `| \`${code}\` |`)
    }
    const words = "hello claimed swapped occupied refused board row watching seen bye help: error"
    for (const word of words.split(" ")) assert.match(guide, new RegExp(`^${word}( |$)`, "m"))
  })

  it.effect("sends a watcher the board, then changes", () =>
    Effect.gen(function* () {
      const send = yield* makeClient(2)
      const { reply } = yield* send("watch")
      assert.deepStrictEqual(
        reply.split("\n").map((line) => line.split(":")[0]),
        ["watching", "board 2 change 0", "row  0 . .", "row  1 . .", ""]
      )
      assert.deepStrictEqual((yield* send("claim row 1")).reply.split("\n").sort(), [
        "",
        "claimed row 1 by 1 change 1",
        "seen claimed row 1 by 1 change 1"
      ])
    })
  )

  const Line = Schema.Union([Schema.String, Schema.Literals(["claim", "0 1", "claim row 1", "swap 0 0 1 1", "watch"])])

  it.effect.prop("answers any line with valid replies", [Schema.Array(Line), Grid.Size], ([lines, size]) =>
    Effect.gen(function* () {
      const send = yield* makeClient(size)
      for (const line of lines) {
        const { reply } = yield* send(line)
        assert.match(reply, /^([a-z][ -~]*\n)+$/)
        for (const line of reply.split("\n").slice(0, -1)) assert.isTrue(Option.isSome(Reply.parse(line)), line)
      }
    })
  )

  it("answers a framing error, but not the end of input", () => {
    const { receive } = BoardSession.session({ size: 5 })
    const message = "line too long: no end within 256 bytes"
    assert.deepStrictEqual(receive(undefined, { _tag: "FramingError", message })[1], {
      text: `error line: ${message}\n`
    })
    assert.deepStrictEqual(receive(undefined, { _tag: "Closed" })[1], {})
    assert.deepStrictEqual(receive(undefined, { _tag: "Tick" })[1], {})
  })

  it.effect.prop("encodes requests and messages for other processes", [Ask, Message], ([ask, message]) =>
    Effect.gen(function* () {
      const { definition } = BoardSession
      const through = <A>(schema: Schema.Codec<A, unknown>, value: A) =>
        Effect.flatMap(Schema.encodeEffect(schema)(value), (encoded) =>
          Schema.decodeUnknownEffect(schema)(JSON.parse(JSON.stringify(encoded)))
        )
      assert.deepStrictEqual(yield* through(definition.ask, ask), ask)
      assert.deepStrictEqual(yield* through(definition.message, message), message)
    })
  )
})
