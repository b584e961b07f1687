import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Select from "../../src/session/Select.ts"
import type * as Session from "../../src/session/Session.ts"

const session: Session.Session<number> = {
  framing: { _tag: "Lines" },
  open: ({ id }) => [100 * id, { text: "hello" }],
  receive: (count, input) => {
    if (input._tag === "Line" && input.text === "throw") throw new Error("broken")
    return [count + 1, { text: `${count}` }]
  }
}

describe("Select", () => {
  it.effect("one map holds every client from its coming to its going; a session that throws is one client's", () =>
    Effect.gen(function* () {
      const states = new Map<number, number>()
      const heard: Array<Exit.Exit<Session.Output>> = []
      const answer: Select.Respond<never> = (result) => heard.push(Effect.runSyncExit(result))
      const line = (text: string) => ({ _tag: "Line", text }) as const
      for (const id of [1, 2, 3]) {
        const client = { id, remote: "", seed: 0 }
        Select.handle(states, session, { _tag: "Connected", client, respond: answer })
      }
      Select.handle(states, session, { _tag: "Input", id: 2, input: line("a"), respond: answer })
      Select.handle(states, session, { _tag: "Input", id: 1, input: line("throw"), respond: answer })
      Select.handle(states, session, { _tag: "Input", id: 2, input: line("b"), respond: answer })
      Select.handle(states, session, { _tag: "Disconnected", id: 3 })
      assert.deepStrictEqual(
        [...states],
        [
          [1, 100],
          [2, 202]
        ]
      )
      assert.deepStrictEqual(
        heard.map((exit) => (Exit.isSuccess(exit) ? exit.value.text : "died")),
        ["hello", "hello", "hello", "200", "died", "201"]
      )
      for (const id of [1, 2]) Select.handle(states, session, { _tag: "Disconnected", id })
      assert.strictEqual(states.size, 0)
    })
  )
})
