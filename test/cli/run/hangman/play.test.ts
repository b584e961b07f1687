import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../../../src/network/Network.ts"
import * as NodeNetwork from "../../../../src/network/node/NodeNetwork.ts"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"
import * as Pty from "../../../support/Pty.ts"

const onTerminal = it.live.skipIf(!Pty.isHere)

/** A server that has one word only. */
const serve = Effect.fnUntraced(function* (...flags: ReadonlyArray<string>) {
  const { inRoot } = yield* directory({ words: "banana\n" })
  return yield* Cli.serve(["hangman", "serve", "--words", inRoot("words"), ...flags])
})

const play = ({ port }: { readonly port: number }, ...flags: ReadonlyArray<string>) =>
  Pty.start(["hangman", "play", "127.0.0.1", "--port", `${port}`, ...flags])

const back = "\u001b[?25h\u001b[?1049l"

/** What is left behind on the terminal once the command has ended. */
const leftBehind = ({ isCooked, output }: { readonly isCooked: boolean; readonly output: string }) => {
  assert.isTrue(isCooked, "reads lines again, and shows them")
  assert.strictEqual(output.split("\u001b[?1049h").length, 2, "takes the other screen once")
  assert.strictEqual(output.split(back).length, 2, "gives it back once")
  return output.split(back)[1]
}

describe("hangman play on a terminal (skipped without script and stty)", () => {
  onTerminal("a whole game: name, letters, the end, another game, no more", () =>
    Effect.gen(function* () {
      const player = yield* play(yield* serve())
      yield* player.shows(/Your name\? _/)
      yield* player.type("anx\u007fn\r")
      yield* player.shows(/_ _ _ _ _ _\n.*lives 10 of 10/s)
      yield* player.type("a")
      yield* player.shows(/_ a _ a _ a\n.*A b c.*there is an a/s)
      yield* player.type("z")
      yield* player.shows(/lives 9 of 10.*x y \.\n/s)
      // Two at once: the second waits for the answer to the first.
      yield* player.type("NB")
      yield* player.shows(/b a n a n a\n.*You have found it: banana\.\nann, your rank is 1 of 1\..*Again\? y or n/s)
      yield* player.type("\r")
      yield* player.shows(/lives 10 of 10/)
      yield* player.type("ban")
      yield* player.shows(/Again\?/)
      yield* player.type("n")
      const ended = yield* player.ended
      assert.strictEqual(leftBehind(ended), "")
      assert.strictEqual(ended.code, 0)
    }).pipe(Effect.scoped)
  )

  onTerminal("draws anew when the terminal changes its size", () =>
    Effect.gen(function* () {
      const player = yield* play(yield* serve(), "--name", "ann")
      yield* player.shows(/ {13}lives 10 of 10/)
      yield* player.resize(20, 8)
      yield* player.shows(/^_ _ _ _ _ _\nlives 10 of 10\nabcdefghijklm\nnopqrstuvwxyz\n/)
      yield* player.resize(19, 8)
      yield* player.shows(/^too small: needs\n20x8$/)
      yield* player.type("a")
      yield* player.resize(80, 24)
      yield* player.shows(/_ a _ a _ a/)
      yield* player.type("\u001b")
      assert.strictEqual((yield* player.ended).code, 130)
    }).pipe(Effect.scoped)
  )

  onTerminal("Ctrl-C leaves with 130 and the terminal as it was", () =>
    Effect.gen(function* () {
      const player = yield* play(yield* serve())
      yield* player.shows(/Your name\?/)
      yield* player.type("\u0003")
      const ended = yield* player.ended
      assert.strictEqual(leftBehind(ended), "")
      assert.strictEqual(ended.code, 130)
    }).pipe(Effect.scoped)
  )

  onTerminal("a server that goes away in the middle: one line, on the terminal as it was", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const player = yield* play(server, "--name", "ann")
      yield* player.shows(/lives 10/)
      yield* server.kill("SIGKILL")
      const ended = yield* player.ended
      assert.match(leftBehind(ended)!, /^effect-inet: hangman: [^\n]*\n$/)
      assert.strictEqual(ended.code, 1)
    }).pipe(Effect.scoped)
  )

  onTerminal("a server of another dialect, or of something else: one line instead of a wait", () =>
    Effect.gen(function* () {
      for (const [flags, line] of [
        [["--dialect", "course"], /speaks the course's dialect of hangman/],
        [["--dialect", "book"], /speaks the book's dialect of hangman/]
      ] as const) {
        const ended = yield* (yield* play(yield* serve(...flags))).ended
        assert.match(leftBehind(ended)!, line)
        assert.strictEqual(ended.code, 1)
      }
    }).pipe(Effect.scoped)
  )

  onTerminal("what a server says cannot steer the terminal", () =>
    Effect.gen(function* () {
      const network = yield* Network.Network
      const listener = yield* network.listen({ port: 0 })
      const speak = Effect.gen(function* () {
        const connection = yield* listener.accept
        yield* connection.write("\u001b]0;title\u0007\u009b5A\n\nYour name? ")
        yield* Effect.ignore(connection.pull)
        yield* connection.write("\u001b]0;bye\u0007\u009b5A\n\nGood bye.\n")
        yield* connection.end
      })
      yield* Effect.forkScoped(Effect.forever(speak))
      const isHarmless = (output: string) => {
        for (const steering of ["\u0007", "\u009b", "\u001b]"]) assert.notInclude(output, steering)
      }
      const address = listener.address as NetAddress.InetAddress
      const player = yield* play(address)
      yield* player.shows(/\?]0;title\?\?5A.*Your name/s)
      yield* player.type("\r")
      const { output } = yield* player.ended
      assert.include(output, "effect-inet: ?]0;bye??5A")
      isHarmless(output)
      // Plain lines on a terminal, since the input is none.
      const plain = yield* (yield* play(address, "</dev/null")).ended
      assert.match(plain.output, /\?]0;title\?\?5A\r\n\r\nYour name\? \?]0;bye/)
      isHarmless(plain.output)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )
})

describe("hangman play without a terminal", () => {
  it.live("lines of standard input to the server, its text to standard output, and the end of input is the end", () =>
    Effect.gen(function* () {
      const { port } = yield* serve()
      const args = ["hangman", "play", "127.0.0.1", "--port", `${port}`, "--name", "ann"]
      const { code, stderr, stdout } = yield* Cli.run(args, { stdin: Buffer.from("banana\n") })
      assert.match(
        `${stdout}`,
        /^Hangman: .*You have found it: banana\.\nann, your rank is 1 of 1\..*Again \(yes\/no\)\? $/s
      )
      assert.deepInclude({ code, stderr }, { code: 0, stderr: "" })
    }).pipe(Effect.scoped)
  )

  it.live("the course's dialect is plain lines anyway", () =>
    Effect.gen(function* () {
      const { port } = yield* serve("--dialect", "course", "--lives", "1")
      const { stdout } = yield* Cli.run(["hangman", "play", "127.0.0.1", "--port", `${port}`], {
        stdin: Buffer.from("x\n")
      })
      assert.strictEqual(`${stdout}`, " ------   1\n banana   0\n")
    }).pipe(Effect.scoped)
  )
})
