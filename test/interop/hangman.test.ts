import * as ChildProcess from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as HangmanServer from "../../src/hangman/HangmanServer.ts"
import * as Words from "../../src/hangman/Words.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import { assertNoLeaks } from "../support/Handles.ts"

/** Starts a server with one word. Returns its port. */
const serve = Effect.fnUntraced(function* (options: Pick<HangmanServer.Options, "dialect" | "hostName" | "lives">) {
  const words = Words.parse(new TextEncoder().encode("tiger"))
  const { address } = yield* HangmanServer.make({ ...options, port: 0, words })
  return NetAddress.isInetAddress(address) ? address.port : 0
})

/** Runs a program with a pipe as its terminal. */
const run = Effect.fnUntraced(function* (command: string, args: ReadonlyArray<string>) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] })),
    (child) => Effect.sync(() => void child.kill())
  )
  let output = ""
  let seen = 0
  child.stdout.setEncoding("latin1").on("data", (text: string) => {
    output += text
  })
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
  /** Waits for more output that ends with `end`. */
  const waitForEnd = (end: string) =>
    Effect.callback<void>((resume) => {
      const look = () => {
        if (output.length === seen || !output.endsWith(end)) return
        seen = output.length
        child.stdout.off("data", look)
        resume(Effect.void)
      }
      child.stdout.on("data", look)
      look()
      return Effect.sync(() => void child.stdout.off("data", look))
    }).pipe(Effect.timeout("20 seconds"))
  return {
    waitForEnd,
    type: (text: string) => Effect.sync(() => void child.stdin.write(text)),
    /** Ends the input and returns the whole output once the program has ended. */
    ended: Effect.suspend(() => {
      child.stdin.end()
      return Effect.map(
        Effect.promise(() => ended),
        () => output
      )
    }).pipe(Effect.timeout("20 seconds"))
  }
})

/** Plays with nc. Returns the bytes up to the end of the connection. */
const withNc = (port: number, guesses: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { ended, waitForEnd, type } = yield* run("nc", ["127.0.0.1", `${port}`])
    yield* waitForEnd("\n")
    for (const guess of guesses) {
      yield* type(`${guess}\n`)
      yield* waitForEnd("\n")
    }
    return yield* ended
  })

const missing = (command: string, flag: string) => ChildProcess.spawnSync(command, [flag]).error !== undefined

const test = it.live.skipIf

describe("hangman with nc and telnet", () => {
  test(missing("nc", "-h"))("wins a course game with nc, byte for byte (skipped without nc)", () =>
    Effect.gen(function* () {
      const port = yield* serve({ dialect: "course" })
      const transcript = yield* withNc(port, ["e", "e", "x", "x", "E", "7", "", "tiger", "it", "g", "r"])
      const lines = ["-----   12", "---e-   12", "---e-   12", "---e-   11", "---e-   10", "---e-   9", "---e-   8"]
      const more = ["---e-   7", "t--e-   7", "ti-e-   7", "tige-   7", "tiger   7"]
      assert.strictEqual(transcript, [...lines, ...more].map((line) => ` ${line}\n`).join(""))
    }).pipe(Effect.scoped, assertNoLeaks, Effect.provide(NodeNetwork.layer))
  )

  test(missing("nc", "-h"))("loses a book game with nc, byte for byte (skipped without nc)", () =>
    Effect.gen(function* () {
      const port = yield* serve({ dialect: "book", hostName: "narnia", lives: 3 })
      const transcript = yield* withNc(port, ["a", "t", "b", "c"])
      const banner = "Playing hangman on hostnarnia: \n \n"
      assert.strictEqual(transcript, `${banner}----- 3 \n----- 2 \nt---- 2 \nt---- 1 \ntiger 0 \n`)
    }).pipe(Effect.scoped, assertNoLeaks, Effect.provide(NodeNetwork.layer))
  )

  test(missing("telnet", "--version"))("negotiates and plays a game with telnet (skipped without telnet)", () =>
    Effect.gen(function* () {
      const port = yield* serve({ dialect: "friendly" })
      const { ended, waitForEnd, type } = yield* run("telnet", [])
      // A minus before the port makes telnet open the negotiation; without a terminal it sends CR LF.
      yield* type(`open 127.0.0.1 -${port}\n`)
      yield* waitForEnd("Your name? ")
      yield* type("Ada\n")
      for (const guess of ["t", "7", "zebra", "i", "g", "e"]) {
        yield* waitForEnd("Your guess? ")
        yield* type(`${guess}\n`)
      }
      yield* waitForEnd("Your guess? ")
      yield* type("R\n")
      yield* waitForEnd("Again (yes/no)? ")
      yield* type("no\n")
      const transcript = yield* ended
      assert.include(transcript, "Only the letters a to z are in the word.")
      assert.include(transcript, "Word   t i g e r")
      assert.include(transcript, "Lives  9 of 10")
      assert.notInclude(transcript, "\xff")
    }).pipe(Effect.scoped, assertNoLeaks, Effect.provide(NodeNetwork.layer))
  )
})
