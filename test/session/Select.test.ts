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
  it.effect("keeps the state of a client while it is connected, also after its session throws", () =>
    Effect.gen(function* () {
      const states = new Map<number, number>()
      const results: Array<Exit.Exit<Session.Output>> = []
      const respond: Select.Respond<never> = (result) => results.push(Effect.runSyncExit(result))
      const line = (text: string) => ({ _tag: "Line", text }) as const
      for (const id of [1, 2, 3]) {
        const client = { id, remote: "", seed: 0 }
        Select.handle(states, session, { _tag: "Connected", client, respond })
      }
      Select.handle(states, session, { _tag: "Input", id: 2, input: line("a"), respond })
      Select.handle(states, session, { _tag: "Input", id: 1, input: line("throw"), respond })
      Select.handle(states, session, { _tag: "Input", id: 2, input: line("b"), respond })
      Select.handle(states, session, { _tag: "Disconnected", id: 3 })
      assert.deepStrictEqual(
        [...states],
        [
          [1, 100],
          [2, 202]
        ]
      )
      assert.deepStrictEqual(
        results.map((exit) => (Exit.isSuccess(exit) ? exit.value.text : "died")),
        ["hello", "hello", "hello", "200", "died", "201"]
      )
      for (const id of [1, 2]) Select.handle(states, session, { _tag: "Disconnected", id })
      assert.strictEqual(states.size, 0)
    })
  )
})
