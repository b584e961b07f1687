import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../../support/Cli.ts"
import * as Pty from "../../../support/Pty.ts"

const numbers = (count: number) => Buffer.from(Array.from({ length: count }, (_, at) => `${at + 1}\n`).join(""))

describe("guess serve and play", () => {
  it.live("sends each line as a guess until the number is found", () =>
    Effect.gen(function* () {
      const { port } = yield* Cli.serveInProcess(["guess", "serve", "--min", "1", "--max", "20", "--model", "select"])
      const { code, stdout } = yield* Cli.runInProcess(["guess", "play", "127.0.0.1", "--port", `${port}`], {
        stdin: numbers(20)
      })
      assert.match(stdout, /^(too small\n){0,19}correct!\n$/)
      assert.strictEqual(code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("prints each reply as JSON, with the number of guesses", () =>
    Effect.gen(function* () {
      const { port } = yield* Cli.serveInProcess(["guess", "serve", "--min", "2", "--max", "2"])
      const { stdout } = yield* Cli.runInProcess(["guess", "play", "127.0.0.1", "--port", `${port}`, "--json"], {
        stdin: numbers(2)
      })
      assert.strictEqual(
        stdout,
        '{"guess":1,"verdict":"too small","guesses":1}\n{"guess":2,"verdict":"correct!","guesses":2}\n'
      )
    }).pipe(Effect.scoped)
  )

  it.live("draws the same number from the same seed, also in a child process", () =>
    Effect.gen(function* () {
      const countGuesses = Effect.fnUntraced(function* ({ port }: { readonly port: number }) {
        const { stdout } = yield* Cli.runInProcess(["guess", "play", "127.0.0.1", "--port", `${port}`], {
          stdin: numbers(1_000)
        })
        return stdout.split("\n").length
      })
      const args = ["guess", "serve", "--seed", "5"]
      const here = yield* countGuesses(yield* Cli.serveInProcess(args))
      assert.strictEqual(here, yield* countGuesses(yield* Cli.serve([...args, "--model", "processes", "--pool", "1"])))
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!Pty.isAvailable)("shows the range that is left on a terminal (skipped without script and stty)", () =>
    Effect.gen(function* () {
      const { port } = yield* Cli.serveInProcess(["guess", "serve", "--min", "7", "--max", "7"])
      const player = yield* Pty.start(["guess", "play", "127.0.0.1", "--port", `${port}`, "--max", "10"])
      yield* player.waitForOutput(/1 to 10\? $/)
      yield* player.type("six\n")
      yield* player.waitForOutput(/six\r\nA guess is a whole number, 1 to 10\.\r\n1 to 10\? $/)
      yield* player.type("6\n")
      yield* player.waitForOutput(/too small\r\n7 to 10\? $/)
      yield* player.type("6\n")
      yield* player.waitForOutput(/6 cannot be it: it is 7 to 10\.\r\n7 to 10\? $/)
      yield* player.type("8\n")
      yield* player.waitForOutput(/too big\r\nit is 7\? $/)
      yield* player.type("7\n")
      const { code, output } = yield* player.ended
      assert.match(output, /^Guess a whole number, 1 to 10\. Ctrl-D leaves\.\r\n.*correct!\r\n3 guesses\r\n$/ms)
      assert.strictEqual(code, 0)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!Pty.isAvailable)("exits with 130 after Ctrl-C (skipped without script and stty)", () =>
    Effect.gen(function* () {
      const { port } = yield* Cli.serveInProcess(["guess", "serve"])
      const player = yield* Pty.start(["guess", "play", "127.0.0.1", "--port", `${port}`])
      yield* player.waitForOutput(/1 to 1000\? $/)
      yield* player.type("\u0003")
      assert.strictEqual((yield* player.ended).code, 130)
    }).pipe(Effect.scoped)
  )

  it.live("fails with one line for a server of another service", () =>
    Effect.gen(function* () {
      const { port } = yield* Cli.serveInProcess(["rot13", "serve"])
      const { code, stderr } = yield* Cli.runInProcess(["guess", "play", "127.0.0.1", "--port", `${port}`], {
        stdin: numbers(1)
      })
      assert.match(stderr, /^effect-inet: unexpected reply: not a number guessing server[^\n]*\n$/)
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped)
  )
})
