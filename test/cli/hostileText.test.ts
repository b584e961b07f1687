/** Text that this process did not write reaches a terminal only in escaped form, from every source. */
import * as ChildProcess from "node:child_process"
import * as Dgram from "node:dgram"
import * as Net from "node:net"
import * as Process from "node:process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ScoreJournalFormat from "../../src/hangman/ScoreJournalFormat.ts"
import * as ScoreTable from "../../src/hangman/ScoreTable.ts"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"
import * as Pty from "../support/Pty.ts"

/** A window title, BEL, CR LF with a forged line, C1 and a right-to-left override. */
const hostile = "\u001b]0;x\u0007\r\neffect-inet: forged\u009b5A\u202e"

/** Output of messages: lines without control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const safe = /^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$/u

/** Checks that messages are safe, and that no line of them was forged. */
const assertSafe = (output: string) => {
  assert.match(output, safe)
  assert.notMatch(output, /^effect-inet: forged/m)
  assert.include(output, "x")
}

/** Checks the output of a terminal, which has CR LF line ends and may have styles. */
const assertSafeTerminal = (output: string) => {
  for (const control of ["\u0007", "\u009b", "\u001b]", "\u202e"]) assert.notInclude(output, control)
}

/** Starts a UDP server that sends `reply` for every datagram, on a free port. */
const udpServer = (reply: (request: Buffer) => Uint8Array) =>
  Effect.acquireRelease(
    Effect.callback<Dgram.Socket>((resume) => {
      const socket = Dgram.createSocket("udp4")
      socket.on("message", (request, { address, port }) => socket.send(reply(request), port, address))
      socket.bind(0, "127.0.0.1", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => void socket.close())
  ).pipe(Effect.map((socket) => socket.address().port))

/** Starts a TCP server that sends the text to every client, and then closes. */
const tcpServer = (text: string) =>
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer((socket) => socket.on("error", () => {}).end(text))
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => void server.close())
  ).pipe(Effect.map((server) => (server.address() as Net.AddressInfo).port))

/** Starts a process with a hostile name that listens on a port. Returns the port. */
const hostileHolder = Effect.acquireRelease(
  Effect.sync(() => {
    const program = `require("net").createServer().listen(0,"127.0.0.1",function(){console.log(this.address().port)})`
    return ChildProcess.spawn(Process.execPath, ["-e", program], { argv0: hostile })
  }),
  (child) => Effect.sync(() => void child.kill("SIGKILL"))
).pipe(
  Effect.flatMap((child) =>
    Effect.callback<string>((resume) => {
      child.stdout.once("data", (text) => resume(Effect.succeed(`${text}`.trim())))
    })
  )
)

const errorPacket = Buffer.concat([Buffer.from([0, 5, 0, 1]), Buffer.from(hostile), Buffer.from([0])])

describe("hostile text", () => {
  const sources: ReadonlyArray<readonly [source: string, args: ReadonlyArray<string>]> = [
    ["the name of a command", [`rot14${hostile}`]],
    ["the value of a flag", ["rot13", "serve", "--port", hostile]],
    ["a choice", ["rot13", "serve", "--case", hostile]],
    ["a host", ["resolve", `x${hostile}`, "80"]],
    ["a service", ["services", `x${hostile}`]],
    ["a URL", ["tftp", "get", `tftp://${hostile}x/f`]],
    ["a file to send", ["tftp", "put", `/nosuch${hostile}x`, "tftp://127.0.0.1/"]],
    ["a file to write", ["tftp", "get", "tftp://127.0.0.1/f", "-o", `/nosuch${hostile}/x`]],
    ["a capture to read", ["capture", "read", `/nosuch${hostile}x`]],
    ["a capture to write", ["--capture", `/nosuch${hostile}/x`, "rot13", "send", "127.0.0.1", "1", "text"]],
    ["a scoreboard", ["hangman", "top", "--scores", `/nosuch${hostile}x`]],
    ["a word list", ["hangman", "serve", "--words", `/nosuch${hostile}x`]],
    ["a folder", ["tftp", "serve", "--root", `/nosuch${hostile}x`, "--port", "0"]],
    ["a user", ["tftp", "serve", "--root", ".", "--port", "0", "--user", `x${hostile}`]],
    ["a range", ["primes", "count", `x${hostile}`]],
    ["a list of hosts", ["primes", "count", "100", "--hosts", `x${hostile}`]],
    ["a fault plan", ["--faults", `x${hostile}`, "resolve", "localhost"]]
  ]
  it.live.each(sources)("of %s is escaped in the error", ([, args]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Cli.runInProcess(args)
      assertSafe(`${stdout}${stderr}`)
      assert.oneOf(code, [1, 2])
      assert.isAtMost(stderr.trimEnd().split("\n").length, code)
    })
  )

  it.live.each([
    ["ROT13_PORT", Cli.runInProcess],
    ["ROT13_CASE", Cli.runInProcess],
    ["ROT13_HOST", Cli.run],
    ["EFFECT_INET_CONFIG", Cli.run]
  ] as const)("of the variable %s is escaped in the error", ([variable, run]) =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["rot13", "serve"], { env: { [variable]: `x${hostile}` } })
      assertSafe(stderr)
      assert.oneOf(code, [1, 2])
    })
  )

  it.live("of the ERROR packet of a peer is escaped in the error", () =>
    Effect.gen(function* () {
      const port = yield* udpServer(() => errorPacket)
      const { code, stderr } = yield* Cli.runInProcess(["rcat", `127.0.0.1:${port}`, "f"])
      assertSafe(stderr)
      assert.include(stderr, "\\u001b]0;x")
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(Process.platform !== "linux")("of the command line of a port's holder is escaped (Linux only)", () =>
    Effect.gen(function* () {
      const port = yield* hostileHolder
      const { stderr } = yield* Cli.runInProcess(["rot13", "serve", "--port", port])
      assertSafe(stderr)
      assert.include(stderr, `TCP port ${port} is in use by `)
      assert.strictEqual(stderr.split("\n").length, 2)
    }).pipe(Effect.scoped)
  )

  it.live("of a name on the scoreboard is escaped", () =>
    Effect.gen(function* () {
      const rows = [{ name: hostile, games: 1, wins: 1, wrong: 0 }]
      const table = ScoreTable.make({ rows, totals: { games: 1, wins: 1 } })
      const { inRoot } = yield* directory({ scores: ScoreJournalFormat.snapshot(table, 1) })
      const { stdout } = yield* Cli.runInProcess(["hangman", "top", "--scores", inRoot("scores")])
      assertSafe(stdout)
      assert.match(stdout, /^1 game, 1 won, 1 player\n/)
      assert.strictEqual(stdout.split("\n").length, 4)
    }).pipe(Effect.scoped)
  )

  const onTerminal = it.live.skipIf(!Pty.isAvailable)

  onTerminal("of the reply of a rot13 server is escaped on a terminal, and unchanged in a pipe", () =>
    Effect.gen(function* () {
      const port = yield* tcpServer(hostile)
      const args = ["rot13", "send", "127.0.0.1", `${port}`, "a".repeat(Buffer.byteLength(hostile))]
      const { output } = yield* (yield* Pty.start(args)).ended
      assertSafeTerminal(output)
      assert.include(output, "\\u001b]0;x\\u0007\r\neffect-inet: forged\\u009b5A\\u202e")
      assert.strictEqual((yield* Cli.runInProcess(args)).stdout, `${hostile}\n`)
    }).pipe(Effect.scoped)
  )

  onTerminal("of a file of a TFTP server is escaped on a terminal, and unchanged in a pipe", () =>
    Effect.gen(function* () {
      const data = Buffer.concat([Buffer.from([0, 3, 0, 1]), Buffer.from(hostile)])
      const port = yield* udpServer(() => data)
      const args = ["rcat", `127.0.0.1:${port}`, "f"]
      const { output } = yield* (yield* Pty.start(args)).ended
      assertSafeTerminal(output)
      assert.include(output, "\\u001b]0;x")
      assert.strictEqual((yield* Cli.runInProcess(args)).stdout, hostile)
    }).pipe(Effect.scoped)
  )

  onTerminal("of a JSON result is escaped on a terminal, and stays the same value", () =>
    Effect.gen(function* () {
      const port = yield* tcpServer(hostile)
      const text = "a".repeat(Buffer.byteLength(hostile))
      const args = ["rot13", "send", "--json", "127.0.0.1", `${port}`, text]
      const { output } = yield* (yield* Pty.start(args, 200)).ended
      assertSafeTerminal(output)
      assert.strictEqual(JSON.parse(output.slice(output.indexOf("{"))).received, hostile)
    }).pipe(Effect.scoped)
  )
})
