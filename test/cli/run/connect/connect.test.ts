import * as Fs from "node:fs"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Cli from "../../../support/Cli.ts"
import * as Directory from "../../../support/Directory.ts"
import * as Pty from "../../../support/Pty.ts"
import { inet, start } from "../../../support/Shell.ts"

/** Starts a server on a free port of 127.0.0.1. */
const serve = (onConnection: (socket: Net.Socket) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<Net.Server>((resume) => {
        const server = Net.createServer({ allowHalfOpen: true }, (socket) => {
          socket.on("error", () => {})
          onConnection(socket)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => void server.close())
    ),
    (server) => (server.address() as Net.AddressInfo).port
  )

const answer = (text: string) => (socket: Net.Socket) => void socket.end(text)

/** Collects what a client sends, and answers its end. */
const collector = (received: Array<Buffer>) => (socket: Net.Socket) => {
  socket.on("data", (bytes) => received.push(bytes))
  socket.on("end", () => socket.end())
}

const connect = (...args: ReadonlyArray<string | number>) => ["connect", ...args.map(String)]

describe("connect", () => {
  it.live("prints the bytes of a server, and ends with it", () =>
    Effect.gen(function* () {
      const port = yield* serve(answer("hello \u001b[2J\r\n"))
      const { code, stderr, stdout } = yield* Cli.runInProcess(connect("127.0.0.1", port))
      assert.deepStrictEqual([code, stdout, stderr], [0, "hello \u001b[2J\r\n", ""])
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!Pty.isAvailable)(
    "escapes control characters on a terminal only (skipped without script and stty)",
    () =>
      Effect.gen(function* () {
        const port = yield* serve(answer("hello \u001b[2J\r\n"))
        const terminal = yield* Pty.start(["connect", "127.0.0.1", `${port}`])
        const { code, output } = yield* terminal.ended
        assert.include(output, "hello \\u001b[2J")
        assert.notInclude(output, "\u001b[2J")
        assert.strictEqual(code, 0)
      }).pipe(Effect.scoped)
  )

  it.live("sends CR LF with --crlf, and the end of the input with --half-close", () =>
    Effect.gen(function* () {
      const received: Array<Buffer> = []
      const port = yield* serve(collector(received))
      const stdin = Buffer.from("a\nb\r\n\n")
      const { code } = yield* Cli.runInProcess(connect("--crlf", "--half-close", "localhost", port), { stdin })
      assert.strictEqual(code, 0)
      assert.strictEqual(Buffer.concat(received).toString(), "a\r\nb\r\n\r\n")
    }).pipe(Effect.scoped)
  )

  it.live("dumps both directions with --hex, and leaves the output alone", () =>
    Effect.gen(function* () {
      const port = yield* serve((socket) => void socket.once("data", () => socket.end("pong")))
      const { stderr, stdout } = yield* Cli.runInProcess(connect("--hex", "127.0.0.1", port), {
        stdin: Buffer.from("ping")
      })
      assert.strictEqual(stdout, "pong")
      assert.deepStrictEqual(stderr.match(/^[<>] 0{8} {2}[\da-f ]+\|p.ng\|$/gm)?.length, 2)
      assert.isTrue(stderr.startsWith("> "))
    }).pipe(Effect.scoped)
  )

  it.live("prints one JSON value for each event with --json", () =>
    Effect.gen(function* () {
      const port = yield* serve((socket) => void socket.once("data", () => socket.end(Buffer.from([0xff, 10]))))
      const { stdout } = yield* Cli.runInProcess(connect("--json", "127.0.0.1", port), { stdin: Buffer.from("ping\n") })
      const remote = `127.0.0.1:${port}`
      const events = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { readonly event: string })
      const of = (name: string) => events.find(({ event }) => event === name)
      assert.deepInclude(of("connected"), { remote } as never)
      assert.deepStrictEqual(of("sent"), { event: "sent", remote, bytes: 5, text: "ping\n" } as never)
      assert.deepStrictEqual(of("received"), { event: "received", remote, bytes: 2, base64: "/wo=" } as never)
      assert.deepStrictEqual(events.at(-1), { event: "closed", remote, sent: 5, received: 2 } as never)
    }).pipe(Effect.scoped)
  )

  it.live("exits with 0 for an open port and with 1 for a closed one, with --zero", () =>
    Effect.gen(function* () {
      const port = yield* serve(() => {})
      const open = yield* Cli.runInProcess(connect("--zero", "127.0.0.1", port))
      assert.deepStrictEqual(open, { code: 0, stdout: `127.0.0.1:${port} is open\n`, stderr: "" })
      const closed = yield* Effect.scoped(serve(() => {}))
      const refused = yield* Cli.runInProcess(connect("--zero", "--json", "127.0.0.1", closed))
      assert.strictEqual(refused.code, 1)
      assert.include(JSON.parse(refused.stdout), { open: false })
      assert.include(refused.stderr, "connection refused")
    }).pipe(Effect.scoped)
  )

  it.live("exits with 1 and one line if the peer resets the connection", () =>
    Effect.gen(function* () {
      const port = yield* serve((socket) => void socket.once("data", () => socket.resetAndDestroy()))
      const { code, stderr } = yield* Cli.runInProcess(connect("127.0.0.1", port), { stdin: Buffer.from("x") })
      assert.deepStrictEqual([code, stderr], [1, `effect-inet: 127.0.0.1:${port}: connection reset by the peer\n`])
    }).pipe(Effect.scoped)
  )

  it.live("ends quietly after the timeout without data", () =>
    Effect.gen(function* () {
      const port = yield* serve((socket) => void socket.write("first"))
      const { code, stderr, stdout } = yield* Cli.runInProcess(connect("--timeout", "200ms", "127.0.0.1", port))
      assert.deepStrictEqual([code, stdout, stderr], [0, "first", ""])
    }).pipe(Effect.scoped)
  )

  it.live("ends quietly if the reader of its output has ended, which the server sees", () =>
    Effect.gen(function* () {
      const gone = Latch.makeUnsafe()
      const chunk = Buffer.alloc(65_536, "x\n")
      const port = yield* serve((socket) => {
        const fill = () => {
          while (!socket.destroyed && socket.write(chunk));
        }
        socket.on("drain", fill)
        socket.on("close", () => Effect.runFork(gone.open))
        fill()
      })
      const script = yield* start(`${inet} connect 127.0.0.1 ${port} | head -n 1`)
      assert.strictEqual(yield* script.ended, 0)
      assert.deepStrictEqual([script.stdout(), script.stderr()], ["x\n", ""])
      yield* gone.await
    }).pipe(Effect.scoped)
  )

  it.live("gives the connection to a command with --exec, and reports its exit code", () =>
    Effect.gen(function* () {
      const received: Array<Buffer> = []
      const port = yield* serve((socket) => {
        collector(received)(socket)
        socket.write("question\n")
      })
      const script = ["--exec", "sh", "--", "-c", 'read line; echo "answer to $line"; exit 3']
      const { code, stderr } = yield* Cli.run(connect("127.0.0.1", port, ...script))
      assert.deepStrictEqual([code, stderr], [1, "effect-inet: sh ended with exit code 3\n"])
      assert.strictEqual(Buffer.concat(received).toString(), "answer to question\n")
    }).pipe(Effect.scoped)
  )

  it.live("writes a capture and obeys a fault plan, as every command", () =>
    Effect.gen(function* () {
      const port = yield* serve(answer("hello"))
      const { root } = yield* Directory.directory()
      const file = `${root}/connect.pcapng`
      const { code, stdout } = yield* Cli.runInProcess(["--capture", file, ...connect("127.0.0.1", port)])
      assert.deepStrictEqual([code, stdout], [0, "hello"])
      assert.isAbove(Fs.statSync(file).size, 200)
      const faulty = yield* Cli.runInProcess(["--faults", "reset=#1", ...connect("127.0.0.1", port)])
      assert.strictEqual(faulty.code, 1)
    }).pipe(Effect.scoped)
  )

  const wrong: ReadonlyArray<readonly [string, string]> = [
    ["connect", "missing HOST and PORT: give both, or a socket with --unix PATH"],
    ["connect localhost", "missing PORT: give both, or a socket with --unix PATH"],
    ["connect a 1 x", 'unexpected argument "x": give HOST and PORT only, or a command with --exec'],
    ["connect --unix /x a 1", 'unexpected argument "a": --unix replaces HOST and PORT'],
    ["connect --udp --unix /x", "--udp and --unix cannot be combined: choose one"],
    ["connect --udp --half-close a 1", "--half-close needs TCP or a unix socket: UDP has no end of a direction"],
    [
      "connect --zero --udp a 1",
      "--zero sends nothing: of the other flags it takes --json, --unix, --family and --timeout"
    ],
    ["listen", "missing PORT: give a port (0: any free port), or a socket with --unix PATH"],
    ["listen 1 2 3", 'unexpected argument "3": give HOST and PORT only, or a command with --exec'],
    ["listen --stdio", "--stdio needs --exec: standard input and output are the connection; give a command"],
    [
      "listen 0 --max-connections 3",
      "limits of clients need --keep-open and --exec: otherwise there is one client at a time"
    ]
  ]
  it.live.each(wrong)("prints one line and exits with 2 for: %s", ([command, line]) =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.runInProcess(command.split(" "))
      assert.deepStrictEqual([code, stderr.split("\n")[0]], [2, `effect-inet: ${line}`])
    })
  )
})
