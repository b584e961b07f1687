import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../../support/Cli.ts"
import * as Pty from "../../../support/Pty.ts"

const onTerminal = it.live.skipIf(!Pty.isAvailable)

const keys = { up: "\u001b[A", down: "\u001b[B", right: "\u001b[C", left: "\u001b[D" }

describe("board play", () => {
  onTerminal("shows two players each other's claims (skipped without script and stty)", () =>
    Effect.gen(function* () {
      const { port } = yield* Cli.serveInProcess(["board", "serve", "--size", "3"])
      const join = Pty.start(["board", "play", "127.0.0.1", "--port", `${port}`])
      const one = yield* join
      yield* one.waitForFrame(/^Board at 127\.0\.0\.1, client 1\n\n\[\.] \. {2}\. $/m)
      const other = yield* join
      yield* other.waitForFrame(/client 2/)
      yield* one.type(`${keys.right}${keys.down}${keys.down}${keys.up} `)
      yield* one.waitForFrame(/^ \. {2}\. {2}\. \n \. \[1] \. \n/m)
      yield* other.waitForFrame(/^\[\.] \. {2}\. \n \. {2}1 {2}\. \n.*0 0: vacant\nclient 1: claimed 1 1$/ms)
      yield* other.type(`${keys.down}${keys.right}\r`)
      yield* other.waitForFrame(/1 1: of client 1\n.*1 1 is taken by client 1$/ms)
      yield* other.type(`${keys.down}r`)
      yield* one.waitForFrame(/^ 2 {2}2 {2}2 \n\n1 1: yours\n.*client 2: claimed row 2$/ms)
      yield* one.resize(10, 5)
      yield* one.waitForFrame(/^too small/)
      yield* one.type("\u0003")
      assert.deepInclude(yield* one.ended, { code: 130, isCooked: true })
      yield* other.type("\u001b")
      assert.deepInclude(yield* other.ended, { code: 0, isCooked: true })
    }).pipe(Effect.scoped)
  )

  onTerminal("prints one line for another service and for a killed server (skipped without script and stty)", () =>
    Effect.gen(function* () {
      const rot13 = yield* Cli.serveInProcess(["rot13", "serve"])
      const rot13Player = yield* Pty.start(["board", "play", "127.0.0.1", "--port", `${rot13.port}`])
      const { code, output } = yield* rot13Player.ended
      assert.include(output, '\u001b[?1049leffect-inet: board: unexpected reply to hello: "uryyb"')
      assert.strictEqual(code, 1)
      const board = yield* Cli.serve(["board", "serve"])
      const player = yield* Pty.start(["board", "play", "127.0.0.1", "--port", `${board.port}`])
      yield* player.waitForFrame(/client 1/)
      yield* board.kill("SIGKILL")
      assert.match((yield* player.ended).output, /effect-inet: board: [^\n]+\n$/)
    }).pipe(Effect.scoped)
  )

  it.live("sends and shows plain lines without a terminal, under every model", () =>
    Effect.gen(function* () {
      for (const flags of [
        ["processes", "--pool", "1"],
        ["threads", "--threads", "1"]
      ]) {
        const { port } = yield* Cli.serve(["board", "serve", "--size", "2", "--model", ...flags])
        const play = (stdin: string) =>
          Effect.map(
            Cli.runInProcess(["board", "play", "127.0.0.1", "--port", `${port}`], { stdin: Buffer.from(stdin) }),
            ({ stdout }) => stdout
          )
        assert.match(yield* play("claim 1 0\nquit\n"), /^claimed 1 0 by 1 change 1\nbye/)
        assert.match(yield* play("1 0\nboard\nquit\n"), /^occupied 1 0 by 1\nboard 2 change 1[^\n]*\nrow {2}0 \. 1\n/)
      }
    }).pipe(Effect.scoped)
  )
})
