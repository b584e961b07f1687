import * as ChildProcess from "node:child_process"
import * as Net from "node:net"
import * as Path from "node:path"
import * as Process from "node:process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { parseStates, stateNames } from "../../../../src/cli/inspect/sockets.ts"
import * as SocketTable from "../../../../src/inspect/SocketTable.ts"
import * as Cli from "../../../support/Cli.ts"
import * as Directory from "../../../support/Directory.ts"
import * as Pty from "../../../support/Pty.ts"

const onLinux = it.live.skipIf(Process.platform !== "linux")
const onTerminal = it.live.skipIf(Process.platform !== "linux" || !Pty.isAvailable)

/** A server of this process on a free port of an address of its own. */
const listener = Effect.acquireRelease(
  Effect.callback<Net.Server>((resume) => {
    const server = Net.createServer()
    server.listen(0, "127.0.0.78", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => void server.close())
).pipe(Effect.map((server) => ({ server, port: (server.address() as Net.AddressInfo).port })))

describe("sockets", () => {
  it("has the names of all states in its help", () => {
    assert.sameMembers([...stateNames], Object.keys(SocketTable.stateNames))
  })

  it("takes the states as ss prints them, and in any case", () => {
    const printed = "LISTEN UNCONN ESTAB SYN-SENT SYN-RECV CLOSE-WAIT FIN-WAIT-1 FIN-WAIT-2 LAST-ACK CLOSING TIME-WAIT"
    const states = parseStates(printed.replaceAll(" ", ","))?.flatMap((name) => SocketTable.stateNames[name] ?? [])
    assert.deepStrictEqual(states, SocketTable.stateNames.all)
    assert.deepStrictEqual(parseStates("Listen, tImE-wAiT"), ["listen", "time-wait"])
    assert.isUndefined(parseStates("LISTEN,OPEN"))
  })

  onLinux("--state takes LISTEN (Linux only)", () =>
    Effect.gen(function* () {
      const { port } = yield* listener
      const { code, stdout } = yield* Cli.runInProcess(["sockets", "--port", `${port}`, "--state", "LISTEN"])
      assert.deepStrictEqual([code, stdout.split("\n").length], [0, 3])
    }).pipe(Effect.scoped)
  )

  onLinux("finds a listener with its process (Linux only)", () =>
    Effect.gen(function* () {
      const { port } = yield* listener
      const args = ["sockets", "--listening", "--tcp", "--port", `${port}`]
      const result = yield* Cli.run(args)
      const stdout = result.stdout.toString()
      assert.match(
        stdout,
        new RegExp(
          `^proto +state +recv +local +.*process +pid.*\\ntcp +listen +0 +127\\.0\\.0\\.78:${port} .* ${Process.pid} `
        )
      )
      assert.strictEqual(stdout.split("\n").length, 3)
      assert.strictEqual(result.code, 0)
      const json = JSON.parse((yield* Cli.runInProcess([...args, "--json"])).stdout)
      assert.deepInclude(json.sockets[0], { protocol: "tcp", state: "listen", ownership: "open" })
      assert.strictEqual(json.sockets[0].processes[0].pid, Process.pid)
      assert.strictEqual(json.processes[0].pid, Process.pid)
    }).pipe(Effect.scoped)
  )

  onLinux("lists unix sockets with --unix and --pid only, and says else how many there are (Linux only)", () =>
    Effect.gen(function* () {
      const { root } = yield* Directory.directory()
      const path = Path.join(root, "a.sock")
      yield* Effect.acquireRelease(
        Effect.callback<Net.Server>((resume) => {
          const server = Net.createServer().listen(path, () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => void server.close())
      )
      const { port } = yield* listener
      const run = (...args: ReadonlyArray<string>) => Cli.runInProcess(["sockets", "--listening", ...args])
      const omitted = /^\d+ unix sockets?: --unix lists them$/m
      const peers = /^unix sockets: their peers are not in \/proc; /m
      const plain = yield* run()
      assert.deepStrictEqual([plain.stdout.includes(path), plain.stdout.includes(`:${port}`)], [false, true])
      assert.match(plain.stderr, omitted)
      assert.notMatch(plain.stderr, peers)
      for (const args of [["--unix"], ["--pid", `${Process.pid}`]]) {
        const { stderr, stdout } = yield* run(...args)
        assert.match(stdout, new RegExp(`^u_str +listen .* ${path} +\\d+ `, "m"))
        assert.match(stderr, peers)
        assert.notMatch(stderr, omitted)
      }
      for (const args of [["--tcp"], ["--port", `${port}`], ["--port", `${port}`, "--pid", `${Process.pid}`]]) {
        assert.notMatch((yield* run(...args)).stderr, /unix/)
      }
      const json = yield* run("--json")
      assert.notInclude(json.stderr, "unix")
      assert.match(JSON.parse(json.stdout).notes.join("\n"), omitted)
    }).pipe(Effect.scoped)
  )

  onLinux("combines conditions, and says if no socket meets them (Linux only)", () =>
    Effect.gen(function* () {
      const { port } = yield* listener
      const run = (...args: ReadonlyArray<string>) => Cli.runInProcess(["sockets", "--port", `${port}`, ...args])
      assert.include((yield* run("--pid", `${Process.pid}`, "--state", "listening")).stdout, `:${port}`)
      const none = yield* run("--udp", "--state", "estab,time-wait")
      assert.deepStrictEqual([none.code, none.stdout], [0, ""])
      assert.match(none.stderr, /^no socket meets the conditions\n/)
    }).pipe(Effect.scoped)
  )

  onLinux(
    "prints a whole command line of 4 KiB with control characters as JSON, and escapes it as text (Linux only)",
    () =>
      Effect.gen(function* () {
        const hostile = "\u001b]0;x\u0007\r\n\u202e".repeat(400)
        const program = `require("net").createServer().listen(0,"127.0.0.78",function(){console.log(this.address().port)})`
        const child = yield* Effect.acquireRelease(
          Effect.sync(() => ChildProcess.spawn(Process.execPath, ["-e", program, hostile])),
          (child) => Effect.sync(() => void child.kill("SIGKILL"))
        )
        const port = yield* Effect.callback<string>((resume) => {
          child.stdout.once("data", (text) => resume(Effect.succeed(`${text}`.trim())))
        })
        const args = ["sockets", "--listening", "--port", port]
        const { processes } = JSON.parse((yield* Cli.runInProcess([...args, "--json"])).stdout)
        assert.strictEqual(processes[0].commandLine.at(-1), hostile)
        const { stdout } = yield* Cli.runInProcess(args)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
        assert.match(stdout, /^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]*$/)
        assert.strictEqual(stdout.split("\n").length, 3)
      }).pipe(Effect.scoped)
  )

  const wrong: ReadonlyArray<readonly [args: string, message: RegExp]> = [
    [
      "--state opened",
      /^effect-inet: Invalid value for flag --state: "opened"\. Expected: listen, unconnected, established, .* or several separated by commas\n/
    ],
    [
      "--port nosuch",
      /^effect-inet: --port: unknown service "nosuch": give a name of the services file or a port from 0 to 65535\n/
    ],
    ["--port 0", /^effect-inet: --port: 0 stands for any port: give a number from 1 to 65535, or a service\n/],
    ["--pid 0", /^effect-inet: Invalid value for flag --pid: "0"\. Expected: a number, 1 to 4194304\n/],
    ["--interval 1s", /^effect-inet: --interval requires --watch: add it, or leave --interval out\n/]
  ]
  it.live.each(wrong)("refuses %s with one line", ([args, message]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Cli.runInProcess(["sockets", ...args.split(" ")])
      assert.match(stderr, message)
      assert.deepStrictEqual([code, stdout], [2, ""])
    })
  )

  onLinux("--watch --json prints each change as one line (Linux only)", () =>
    Effect.gen(function* () {
      const { port, server } = yield* listener
      const args = ["sockets", "--watch", "--json", "--interval", "50ms", "--port", `${port}`]
      const running = yield* Cli.startInProcess(args)
      yield* running.waitForOutput("stdout", /^\{"change":"present",.*"state":"listen"/m)
      const client = Net.connect(port, "127.0.0.78")
      yield* running.waitForOutput(
        "stdout",
        /^\{"change":"new",.*"state":"established",.*"processes":\[\{"pid":\d+,"name":/m
      )
      client.destroy()
      yield* running.waitForOutput("stdout", /^\{"change":"(?:changed|gone)",/m)
      server.close()
      yield* running.waitForOutput("stdout", /^\{"change":"gone",.*"state":"listen"/m)
    }).pipe(Effect.scoped)
  )

  onLinux("--watch without a terminal prints the table, then a line for each change (Linux only)", () =>
    Effect.gen(function* () {
      const { port, server } = yield* listener
      const args = ["sockets", "--watch", "--interval", "50ms", "--port", `${port}`]
      const running = yield* Cli.startInProcess(args)
      yield* running.waitForOutput("stdout", /^proto .*\ntcp +listen/)
      server.close()
      yield* running.waitForOutput("stdout", /^\S+Z gone tcp listen 127\.0\.0\.78:\d+ /m)
    }).pipe(Effect.scoped)
  )

  onTerminal(
    "--watch draws a table with marks on a terminal; c leaves changes, q quits (Linux only, skipped without script and stty)",
    () =>
      Effect.gen(function* () {
        const { port } = yield* listener
        const terminal = yield* Pty.start(["sockets", "--watch", "--interval", "200ms", "--port", `${port}`], 100, 12)
        yield* terminal.waitForFrame(new RegExp(`^sockets port ${port} {2}1 socket$`, "m"))
        const client = Net.connect(port, "127.0.0.78")
        yield* terminal.waitForFrame(/^\+ +tcp +established /m)
        client.destroy()
        yield* terminal.waitForFrame(/^[-~] +tcp /m)
        yield* terminal.type("c")
        const changes = yield* terminal.waitForFrame(/^no socket has changed since the previous look$/m)
        assert.notInclude(changes, `:${port}`)
        yield* terminal.type("c")
        yield* terminal.waitForFrame(new RegExp(`^ *tcp +listen .*:${port} `, "m"))
        yield* terminal.type("q")
        const { output, ...ended } = yield* terminal.ended
        assert.deepInclude(ended, { code: 0, isCooked: true })
        // The first frame has the sockets.
        assert.notInclude(output, "0 sockets")
      }).pipe(Effect.scoped)
  )
})
