import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Board from "../../src/board/Board.ts"
import * as BoardSession from "../../src/board/BoardSession.ts"
import * as Grid from "../../src/board/Grid.ts"
import { Ask, Told } from "../../src/board/Message.ts"
import * as Reply from "../../src/board/Reply.ts"
import type { Input, Out } from "../../src/session/Session.ts"

const client = { id: 1, remote: "127.0.0.1:5", seed: 0 }

/** One client of a board: what it hears for what it says. */
const talk = Effect.fnUntraced(function* (size: number) {
  const session = BoardSession.session({ size })
  const board = yield* Board.make({ size })
  const pushed: Array<Told> = []
  const answer = yield* board.attach(client, (told) => pushed.push(told))
  let [state, out] = session.open(client)
  assert.deepStrictEqual(out, {})
  const step = (input: Input<Told>) => {
    ;[state, out] = session.receive(state, input)
    return out.text ?? ""
  }
  return Effect.fnUntraced(function* (text: string) {
    let heard = step({ _tag: "Line", text })
    const last: Out<Ask> = out
    if (last.ask !== undefined) {
      const told = yield* answer(last.ask)
      for (const push of pushed.splice(0)) heard += step({ _tag: "Told", told: push })
      heard += step({ _tag: "Told", told })
    }
    return { heard, closed: last.close === true }
  })
})

const guide = Fs.readFileSync(new URL("../../docs/guide/board.md", import.meta.url), "utf8")

/** What the guide shows: a line that is said, and the lines that are heard. */
const shown = /```\n(> [\s\S]*?)```/
  .exec(guide)![1]!
  .trim()
  .split(/^> /m)
  .slice(1)
  .map((turn) => turn.split("\n< "))

describe("BoardSession", () => {
  it.effect("the talk in the guide is what happens", () =>
    Effect.gen(function* () {
      const say = yield* talk(5)
      assert.isAtLeast(shown.length, 10)
      for (const [said, ...heard] of shown) {
        const answer = yield* say(said!)
        assert.strictEqual(answer.heard, heard.map((line) => `${line.trim()}\n`).join(""))
        assert.strictEqual(answer.closed, said!.trim() === "quit")
      }
    })
  )

  it("the guide names every code of an error, and every first word", () => {
    for (const code of ["control", "empty", "line", "number", "outside", "same", "unknown", "usage"]) {
      assert.include(guide, `| \`${code}\` |`)
    }
    const words = "hello claimed swapped occupied refused board row watching seen bye help: error"
    for (const word of words.split(" ")) assert.match(guide, new RegExp(`^${word}( |$)`, "m"))
  })

  it.effect("who watches gets the board, then changes", () =>
    Effect.gen(function* () {
      const say = yield* talk(2)
      const { heard } = yield* say("watch")
      assert.deepStrictEqual(
        heard.split("\n").map((line) => line.split(":")[0]),
        ["watching", "board 2 change 0", "row  0 . .", "row  1 . .", ""]
      )
      assert.deepStrictEqual((yield* say("claim row 1")).heard.split("\n").sort(), [
        "",
        "claimed row 1 by 1 change 1",
        "seen claimed row 1 by 1 change 1"
      ])
    })
  )

  const Line = Schema.Union([Schema.String, Schema.Literals(["claim", "0 1", "claim row 1", "swap 0 0 1 1", "watch"])])

  it.effect.prop("whatever is said is answered with replies", [Schema.Array(Line), Grid.Size], ([lines, size]) =>
    Effect.gen(function* () {
      const say = yield* talk(size)
      for (const line of lines) {
        const { heard } = yield* say(line)
        assert.match(heard, /^([a-z][ -~]*\n)+$/)
        for (const reply of heard.split("\n").slice(0, -1)) assert.isTrue(Option.isSome(Reply.parse(reply)), reply)
      }
    })
  )

  it("a broken line is answered, an end is not", () => {
    const { receive } = BoardSession.session({ size: 5 })
    const message = "line too long: at most 256 bytes may come before its end"
    assert.deepStrictEqual(receive(undefined, { _tag: "Broken", message })[1], { text: `error line: ${message}\n` })
    assert.deepStrictEqual(receive(undefined, { _tag: "Closed" })[1], {})
    assert.deepStrictEqual(receive(undefined, { _tag: "Tick" })[1], {})
  })

  it.effect.prop("what is asked and told can be sent to another process", [Ask, Told], ([ask, told]) =>
    Effect.gen(function* () {
      const { definition } = BoardSession
      const through = <A>(schema: Schema.Codec<A, unknown>, value: A) =>
        Effect.flatMap(Schema.encodeEffect(schema)(value), (encoded) =>
          Schema.decodeUnknownEffect(schema)(JSON.parse(JSON.stringify(encoded)))
        )
      assert.deepStrictEqual(yield* through(definition.ask, ask), ask)
      assert.deepStrictEqual(yield* through(definition.told, told), told)
    })
  )
})
