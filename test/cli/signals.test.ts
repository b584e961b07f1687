import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { inject } from "vitest"
import * as Cli from "../support/Cli.ts"
import { directory, waitForNames } from "../support/Directory.ts"
import { freePort, peer, peerInProcess, waitForChange } from "./run/status/StatusCli.ts"

/** Each server with one of the signals, which all handle in the same way. */
const servers = [
  ["SIGHUP", "rot13 serve"],
  ["SIGQUIT", "hangman serve"],
  ["SIGHUP", "hangman serve --model processes --pool 1"],
  ["SIGQUIT", "guess serve"],
  ["SIGHUP", "board serve"],
  ["SIGQUIT", "primes serve --threads 1"],
  // It reads its files again at SIGHUP, also without a configuration file.
  ["SIGQUIT", "tftp serve --root ."],
  ["SIGHUP", "status --relay"]
] as const

describe("SIGHUP and SIGQUIT", () => {
  it.live.each(servers)("%s ends %s with exit code 0", ([signal, command]) =>
    Effect.gen(function* () {
      const server = yield* Cli.serve(command.split(" "))
      yield* server.kill(signal)
      assert.strictEqual((yield* server.ended).code, 0)
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

  it.live("let a status peer say goodbye", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const watcher = yield* peerInProcess(port, "watcher", "--json")
      const others = yield* Effect.all({ SIGHUP: peer(port, "SIGHUP"), SIGQUIT: peer(port, "SIGQUIT") })
      for (const signal of ["SIGHUP", "SIGQUIT"] as const) {
        yield* waitForChange(watcher, "Joined", signal)
        yield* others[signal].kill(signal)
        yield* waitForChange(watcher, "Left", signal)
      }
    }).pipe(Effect.scoped)
  )

  it.live("leave no temporary file of a client", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ large: "" })
      const target = (yield* directory()).root
      Fs.truncateSync(inRoot("large"), 64 << 20)
      const server = yield* Cli.serve(["tftp", "serve", "--root", root])
      const url = `tftp://${server.address}:${server.port}/large`
      const output = Path.join(target, "large")
      for (const signal of ["SIGHUP", "SIGQUIT"] as const) {
        // Blocks of 8 bytes: the transfer takes minutes.
        const client = yield* Cli.start(["tftp", "get", url, "-o", output, "--blksize", "8", "--windowsize", "1"])
        yield* waitForNames(target, ({ length }) => length > 0)
        yield* client.kill(signal)
        assert.strictEqual((yield* client.ended).code, 130, signal)
        assert.deepStrictEqual(Fs.readdirSync(target), [], signal)
      }
    }).pipe(Effect.scoped)
  )
})

describe("a server that gets a signal while it starts", () => {
  it.live.each([["SIGTERM"], ["SIGHUP"]] as const)("ends with exit code 0: %s", ([signal]) =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const args = ["--model", "processes", "--pool", "1", "--port", "0", "--scores", inRoot("scores")]
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
      const watcher = yield* peerInProcess(port, "watcher", "--json")
      const args = ["status", "other", "--address", "127.255.255.255", "--port", `${port}`]
      yield* runAndClose("watcher", args, "/")
      yield* waitForChange(watcher, "Left", "other")
    }).pipe(Effect.scoped)
  )
})
