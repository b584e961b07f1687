import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { inject } from "vitest"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"
import { freePort, peer, waitForChange } from "./run/status/StatusCli.ts"

const servers: ReadonlyArray<ReadonlyArray<string>> = [
  ["rot13", "serve"],
  ["hangman", "serve"],
  ["hangman", "serve", "--model", "processes", "--pool", "1"],
  ["guess", "serve"],
  ["board", "serve"],
  ["primes", "serve", "--threads", "1"],
  ["tftp", "serve", "--root", "."],
  ["status", "--relay"]
]

describe("SIGHUP and SIGQUIT", () => {
  it.live.each(servers.map((args) => [args.join(" "), args] as const))("end %s with exit code 0", ([, args]) =>
    Effect.gen(function* () {
      // A TFTP server reads its files again at SIGHUP, also without a configuration file.
      for (const signal of args[0] === "tftp" ? (["SIGQUIT"] as const) : (["SIGHUP", "SIGQUIT"] as const)) {
        const server = yield* Cli.serve(args)
        yield* server.kill(signal)
        assert.strictEqual((yield* server.ended).code, 0, signal)
      }
    }).pipe(Effect.scoped)
  )

  it.live("drain a server, also if SIGHUP comes twice", () =>
    Effect.gen(function* () {
      const server = yield* Cli.serve(["rot13", "serve"])
      const client = yield* Cli.start(["rot13", "send", server.address, `${server.port}`])
      client.stdin.write("Hello\n")
      yield* client.waitForOutput("stdout", /Uryyb/)
      yield* server.kill("SIGHUP")
      yield* server.kill("SIGHUP")
      assert.strictEqual((yield* server.ended).code, 0)
      client.stdin.end()
      assert.strictEqual((yield* client.ended).stdout.toString(), "Uryyb\n")
    }).pipe(Effect.scoped)
  )

  it.live.each([["SIGHUP"], ["SIGQUIT"]] as const)("let a status peer say goodbye: %s", ([signal]) =>
    Effect.gen(function* () {
      const port = yield* freePort
      const watcher = yield* peer(port, "watcher", "--json")
      const other = yield* peer(port, "other")
      yield* waitForChange(watcher, "Joined", "other")
      yield* other.kill(signal)
      yield* waitForChange(watcher, "Left", "other")
    }).pipe(Effect.scoped)
  )

  it.live.each([["SIGHUP"], ["SIGQUIT"]] as const)("leave no temporary file of a client: %s", ([signal]) =>
    Effect.gen(function* () {
      const root = (yield* directory()).root
      const target = (yield* directory()).root
      Fs.writeFileSync(Path.join(root, "large"), Buffer.alloc(64 << 20))
      const server = yield* Cli.serve(["tftp", "serve", "--root", root])
      const url = `tftp://${server.address}:${server.port}/large`
      const output = Path.join(target, "large")
      // Blocks of 8 bytes: the transfer takes minutes.
      const client = yield* Cli.start(["tftp", "get", url, "-o", output, "--blksize", "8", "--windowsize", "1"])
      while (Fs.readdirSync(target).length === 0) yield* Effect.promise(() => new Promise(setImmediate))
      yield* client.kill(signal)
      assert.strictEqual((yield* client.ended).code, 130)
      assert.deepStrictEqual(Fs.readdirSync(target), [])
    }).pipe(Effect.scoped)
  )
})

describe("a server that gets a signal while it starts", () => {
  it.live.each([["SIGTERM"], ["SIGINT"], ["SIGHUP"]] as const)("ends with exit code 0: %s", ([signal]) =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const args = ["--model", "processes", "--pool", "2", "--port", "0", "--scores", inRoot("scores")]
      // The admin server is the first to listen; the worker processes take much longer.
      const server = yield* Cli.start(["hangman", "serve", ...args, "--admin", "127.0.0.1:0"])
      yield* server.waitForOutput("stderr", /admin server on/)
      yield* server.kill(signal)
      assert.strictEqual((yield* server.ended).code, 0)
      // Its lock is released.
      assert.notInclude(Fs.readdirSync(root).join(), "lock")
    }).pipe(Effect.scoped)
  )
})

const hasPython = ChildProcess.spawnSync("which", ["python3"]).status === 0
const entry = inject("command")

/** Runs a program on a terminal of its own, closes the terminal after a text of the program, prints its exit code. */
const closeTerminal = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
text = b""
while sys.argv[1].encode() not in text:
    text += os.read(terminal, 65536)
os.close(terminal)
print("code", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`

/** Runs a command on a terminal that is closed after a text; returns its exit code. */
const runAndClose = (text: string, args: ReadonlyArray<string>, cwd: string) =>
  Effect.promise(
    () =>
      new Promise<string>((resolve) => {
        const command = [process.execPath, "--conditions=effect-inet-source", entry, ...args]
        const done = (_: unknown, stdout: string) => resolve(stdout)
        ChildProcess.execFile("python3", ["-c", closeTerminal, text, ...command], { cwd }, done)
      })
  )

/** Runs a program in a session of its own, on a terminal: sends SIGHUP after a text, SIGTERM after a second one. */
const signalSession = `
import os, pty, signal, sys
first, second = sys.argv[1:3]
pid, terminal = pty.fork()
if pid == 0:
    if os.fork() == 0:
        os.setsid()
        print("pid", os.getpid(), flush=True)
        os.execv(sys.argv[3], sys.argv[3:])
    os.wait()
    os._exit(0)
text = ""
def read_until(wanted):
    global text
    while wanted not in text:
        text += os.read(terminal, 65536).decode()
read_until(first)
server = int(text.split()[1])
os.kill(server, signal.SIGHUP)
read_until(second)
os.kill(server, signal.SIGTERM)
print("reloaded")
`

describe("a session without a controlling terminal", () => {
  it.live.skipIf(!hasPython)("reloads at SIGHUP (skipped without python3)", () =>
    Effect.gen(function* () {
      const { root } = yield* directory({ "a.yaml": "rot13: { port: 0 }\n" })
      const command = [process.execPath, entry, "rot13", "serve", "--config", "a.yaml"]
      const output = yield* Effect.promise(
        () =>
          new Promise<string>((resolve) => {
            const args = ["-c", signalSession, "rot13 on", "reloaded", ...command]
            ChildProcess.execFile("python3", args, { cwd: root }, (_, stdout) => resolve(stdout))
          })
      )
      assert.strictEqual(output, "reloaded\n")
    }).pipe(Effect.scoped)
  )
})

describe("a closed terminal", () => {
  for (const flags of [
    ["--port", "0"],
    ["--config", "a.yaml"]
  ]) {
    it.live.skipIf(!hasPython)(`ends a server as SIGTERM does (skipped without python3): ${flags.join(" ")}`, () =>
      Effect.gen(function* () {
        const { root } = yield* directory({ "a.yaml": "rot13: { port: 0 }\n" })
        assert.strictEqual(yield* runAndClose("rot13 on", ["rot13", "serve", ...flags], root), "code 0\n")
      }).pipe(Effect.scoped)
    )
  }

  it.live.skipIf(!hasPython)("lets the screen of a status peer say goodbye (skipped without python3)", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const watcher = yield* peer(port, "watcher", "--json")
      const args = ["status", "other", "--address", "127.255.255.255", "--port", `${port}`]
      yield* runAndClose("watcher", args, "/")
      yield* waitForChange(watcher, "Left", "other")
    }).pipe(Effect.scoped)
  )
})
