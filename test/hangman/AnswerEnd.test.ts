import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as AnswerEnd from "../../src/hangman/AnswerEnd.ts"
import * as FriendlyView from "../../src/hangman/FriendlyView.ts"

describe("AnswerEnd", () => {
  const first = "Playing hangman on hostnarnia: \n \n"
  it.each([
    [" ------   12\n", { rest: "", isLast: false }],
    [" -a-a-a   3\r\n -ana-a   3\n", { rest: " -ana-a   3\n", isLast: false }],
    [" banana   1\n", { rest: "", isLast: true }],
    [" ------   0\n", { rest: "", isLast: true }],
    [`${first}------ 12 \n`, { rest: "", isLast: false }],
    ["banana 0 \n", { rest: "", isLast: true }],
    [FriendlyView.render({ message: ["hello"], prompt: "name" }), { rest: "", isLast: false }],
    [`${FriendlyView.render({ message: ["hello"], prompt: "bye" })}x`, { rest: "x", isLast: true }]
  ])("takes the first answer of %j", (text, expected) => assert.deepStrictEqual(AnswerEnd.takeFirst(text), expected))

  const texts = [
    " ------   12\n",
    `${first}------ 12 \n`,
    FriendlyView.render({
      message: ["No x in it."],
      board: { word: "-a-", lives: 2, initialLives: 10, tried: "ax" },
      prompt: "guess"
    })
  ]
  it.prop(
    "takes no answer from a part of one",
    [Schema.Literals(texts), Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 0.999 }))],
    ([text, part]) => assert.isUndefined(AnswerEnd.takeFirst(text.slice(0, Math.floor(part * text.length))))
  )
})
