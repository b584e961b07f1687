import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../../../src/network/Network.ts"
import * as NodeNetwork from "../../../../src/network/node/NodeNetwork.ts"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"
import * as Pty from "../../../support/Pty.ts"

const onTerminal = it.live.skipIf(!Pty.isAvailable)

/** Starts a server with one word. */
const serve = Effect.fnUntraced(function* (...flags: ReadonlyArray<string>) {
  const { inRoot } = yield* directory({ words: "banana\n" })
  return yield* Cli.serveInProcess(["hangman", "serve", "--words", inRoot("words"), ...flags])
})

const play = ({ port }: { readonly port: number }, ...flags: ReadonlyArray<string>) =>
  Pty.start(["hangman", "play", "127.0.0.1", "--port", `${port}`, ...flags])

/**
 * Starts a server that answers each read with the next text, one byte at a time, and never closes. `lines` has what it
 * has read.
 */
const slowServer = Effect.fnUntraced(function* (greeting: string, ...answers: ReadonlyArray<string>) {
  const lines: Array<string> = []
  const server = yield* Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer((socket) => {
        const send = async (text: string) => {
          for (const byte of text) await new Promise((resolve) => socket.write(byte, resolve))
        }
        const left = [...answers]
        socket.setNoDelay(true).on("error", () => {})
        socket.on("data", (bytes) => {
          lines.push(`${bytes}`)
          void send(left.shift() ?? "")
        })
        void send(greeting)
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => void server.close())
  )
  return { lines, port: (server.address() as Net.AddressInfo).port }
})

const leaveScreen = "\u001b[?25h\u001b[?1049l"

/** Checks that the terminal was restored. Returns the output after the full screen. */
const outputAfterScreen = ({ isCooked, output }: { readonly isCooked: boolean; readonly output: string }) => {
  assert.isTrue(isCooked, "line mode and echo are on")
  assert.strictEqual(output.split("\u001b[?1049h").length, 2, "enters the alternate screen once")
  assert.strictEqual(output.split(leaveScreen).length, 2, "leaves the alternate screen once")
  return output.split(leaveScreen)[1]
}

describe("hangman play on a terminal (skipped without script and stty)", () => {
  onTerminal("plays two games and ends with success", () =>
    Effect.gen(function* () {
      const player = yield* play(yield* serve())
      yield* player.waitForFrame(/Your name\? _/)
      yield* player.type("anx\u007fn\r")
      yield* player.waitForFrame(/_ _ _ _ _ _\n.*lives 10 of 10/s)
      yield* player.type("a")
      yield* player.waitForFrame(/_ a _ a _ a\n.*A b c.*there is an a/s)
      yield* player.type("z")
      yield* player.waitForFrame(/lives 9 of 10.*x y \.\n/s)
      // Two letters at once: the second waits for the answer to the first.
      yield* player.type("NB")
      yield* player.waitForFrame(
        /b a n a n a\n.*You have found it: banana\.\nann, your rank is 1 of 1\..*Again\? y or n/s
      )
      yield* player.type("\r")
      yield* player.waitForFrame(/lives 10 of 10/)
      yield* player.type("ban")
      yield* player.waitForFrame(/Again\?/)
      yield* player.type("n")
      const ended = yield* player.ended
      assert.strictEqual(outputAfterScreen(ended), "")
      assert.strictEqual(ended.code, 0)
    }).pipe(Effect.scoped)
  )

  onTerminal("redraws when the size of the terminal changes", () =>
    Effect.gen(function* () {
      const player = yield* play(yield* serve(), "--name", "ann")
      yield* player.waitForFrame(/ {13}lives 10 of 10/)
      yield* player.resize(20, 8)
      yield* player.waitForFrame(/^_ _ _ _ _ _\nlives 10 of 10\nabcdefghijklm\nnopqrstuvwxyz\n/)
      yield* player.resize(19, 8)
      yield* player.waitForFrame(/^too small: needs\n20x8$/)
      yield* player.type("a")
      yield* player.resize(80, 24)
      yield* player.waitForFrame(/_ a _ a _ a/)
      yield* player.type("\u001b")
      assert.strictEqual((yield* player.ended).code, 130)
    }).pipe(Effect.scoped)
  )

  onTerminal("restores the terminal and exits with 130 after Ctrl-C", () =>
    Effect.gen(function* () {
      const player = yield* play(yield* serve())
      yield* player.waitForFrame(/Your name\?/)
      yield* player.type("\u0003")
      const ended = yield* player.ended
      assert.strictEqual(outputAfterScreen(ended), "")
      assert.strictEqual(ended.code, 130)
    }).pipe(Effect.scoped)
  )

  onTerminal("restores the terminal and prints one line if the server is killed", () =>
    Effect.gen(function* () {
      const server = yield* Cli.serve(["hangman", "serve"])
      const player = yield* play(server, "--name", "ann")
      yield* player.waitForFrame(/lives 10/)
      yield* server.kill("SIGKILL")
      const ended = yield* player.ended
      assert.match(outputAfterScreen(ended)!, /^effect-inet: hangman: [^\n]*\n$/)
      assert.strictEqual(ended.code, 1)
    }).pipe(Effect.scoped)
  )

  onTerminal("prints one line for a server of another dialect", () =>
    Effect.gen(function* () {
      for (const [flags, line] of [
        [["--dialect", "course"], /the server uses the course dialect/],
        [["--dialect", "book"], /the server uses the book dialect/]
      ] as const) {
        const ended = yield* (yield* play(yield* serve(...flags))).ended
        assert.match(outputAfterScreen(ended)!, line)
        assert.strictEqual(ended.code, 1)
      }
    }).pipe(Effect.scoped)
  )

  onTerminal("replaces control characters of the server", () =>
    Effect.gen(function* () {
      const network = yield* Network.Network
      const listener = yield* network.listen({ port: 0 })
      const serveHostile = Effect.gen(function* () {
        const connection = yield* listener.accept
        yield* connection.write("\u001b]0;title\u0007\u009b5A\n\nYour name? ")
        yield* Effect.ignore(connection.pull)
        yield* connection.write("\u001b]0;bye\u0007\u009b5A\n\nGood bye.\n")
        yield* connection.end
      })
      yield* Effect.forkScoped(Effect.forever(serveHostile))
      const assertNoControls = (output: string) => {
        for (const control of ["\u0007", "\u009b", "\u001b]"]) assert.notInclude(output, control)
      }
      const address = listener.address as NetAddress.InetAddress
      const player = yield* play(address)
      yield* player.waitForFrame(/\?]0;title\?\?5A.*Your name/s)
      yield* player.type("\r")
      const { output } = yield* player.ended
      assert.include(output, "effect-inet: \\u001b]0;bye\\u0007\\u009b5A")
      assertNoControls(output)
      // Standard input is not a terminal, so the client shows plain lines.
      const plain = yield* (yield* play(address, "</dev/null")).ended
      assert.match(plain.output, /^\\u001b]0;title\\u0007\\u009b5A\r\n\r\nYour name\? $/m)
      assertNoControls(plain.output)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )
})

describe("hangman play without a terminal", () => {
  it.live("sends standard input to the server and its text to standard output, until the end of input", () =>
    Effect.gen(function* () {
      const { port } = yield* serve()
      const args = ["hangman", "play", "127.0.0.1", "--port", `${port}`, "--name", "ann"]
      const { code, stderr, stdout } = yield* Cli.runInProcess(args, { stdin: Buffer.from("banana\n") })
      assert.match(
        stdout,
        /^Hangman: .*You have found it: banana\.\nann, your rank is 1 of 1\..*Again \(yes\/no\)\? $/s
      )
      assert.deepInclude({ code, stderr }, { code: 0, stderr: "" })
    }).pipe(Effect.scoped)
  )

  it.live("sends one line for each answer, and ends when the server has answered the last one", () =>
    Effect.gen(function* () {
      const { lines, port } = yield* slowServer(" ------   12\n", " -a-a-a   12\n", " -a-a-a   11\n")
      const { code, stdout } = yield* Cli.runInProcess(["hangman", "play", "127.0.0.1", "--port", `${port}`], {
        stdin: Buffer.from("a\nz\n")
      })
      assert.strictEqual(stdout, " ------   12\n -a-a-a   12\n -a-a-a   11\n")
      assert.deepStrictEqual(lines, ["a\n", "z\n"])
      assert.strictEqual(code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("leaves when the game is over, although the server never closes", () =>
    Effect.gen(function* () {
      const { lines, port } = yield* slowServer(" ------   1\n", " banana   0\n")
      const { stdout } = yield* Cli.runInProcess(["hangman", "play", "127.0.0.1", "--port", `${port}`], {
        stdin: Buffer.from("z\na\nb\n")
      })
      assert.strictEqual(stdout, " ------   1\n banana   0\n")
      assert.deepStrictEqual(lines, ["z\n"])
    }).pipe(Effect.scoped)
  )

  it.live("prints views as JSON with --json", () =>
    Effect.gen(function* () {
      const { port } = yield* serve()
      const args = ["hangman", "play", "127.0.0.1", "--port", `${port}`, "--name", "ann", "--json"]
      const { stdout } = yield* Cli.runInProcess(args, { stdin: Buffer.from("banana\nno\n") })
      const views = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
      assert.deepStrictEqual(
        views.map(({ prompt }) => prompt),
        ["name", "guess", "again", "bye"]
      )
    }).pipe(Effect.scoped)
  )

  it.live("plays the course dialect", () =>
    Effect.gen(function* () {
      const { port } = yield* serve("--dialect", "course", "--lives", "1")
      const { stdout } = yield* Cli.runInProcess(["hangman", "play", "127.0.0.1", "--port", `${port}`], {
        stdin: Buffer.from("x\n")
      })
      assert.strictEqual(stdout, " ------   1\n banana   0\n")
    }).pipe(Effect.scoped)
  )
})
