import * as Dgram from "node:dgram"
import * as Fs from "node:fs"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"
import { freePort, have, inet, start } from "../../../support/Shell.ts"

/** Starts `listen` and waits for its port. */
const listen = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const running = yield* Cli.start(["listen", "0", ...args])
  const [, port] = yield* running.waitForOutput("stderr", /listening on 127\.0\.0\.1:(\d+)\n/)
  return { ...running, listeningPort: Number(port) }
})

/** Sends a text, and returns the answer at the end of the connection, or the code of the error. */
const exchange = (port: number, text: string, isReset = false) =>
  Effect.callback<string>((resume) => {
    let answer = ""
    const socket = Net.connect(port, "127.0.0.1", () => {
      if (isReset) socket.write(text, () => socket.resetAndDestroy())
      else socket.end(text)
    })
    socket.on("data", (bytes) => {
      answer += bytes.toString()
    })
    socket.on("error", (error: NodeJS.ErrnoException) => resume(Effect.succeed(error.code!)))
    socket.on("close", () => resume(Effect.succeed(answer)))
  })

describe("listen", () => {
  it.live("serves one client, refuses the next, and ends", () =>
    Effect.gen(function* () {
      const server = yield* listen()
      const first = Net.connect(server.listeningPort, "127.0.0.1", () => first.write("hello"))
      yield* server.waitForOutput("stdout", /^hello$/)
      assert.strictEqual(yield* exchange(server.listeningPort, "x"), "ECONNREFUSED")
      first.end()
      const { code, stderr } = yield* server.ended
      assert.deepStrictEqual([code, stderr.split("\n").length], [0, 2])
    }).pipe(Effect.scoped)
  )

  it.live("logs the reset of a client, and serves the next one, with --keep-open", () =>
    Effect.gen(function* () {
      const server = yield* listen("--keep-open")
      yield* exchange(server.listeningPort, "", true)
      yield* server.waitForOutput("stderr", /connection reset by the peer/)
      server.stdin.write("welcome")
      const second = Net.connect(server.listeningPort, "127.0.0.1")
      yield* Effect.callback<void>((resume) => void second.once("data", () => resume(Effect.void)))
      second.end("bye")
      yield* server.waitForOutput("stdout", /bye$/)
      yield* server.kill("SIGTERM")
      assert.strictEqual((yield* server.ended).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live.each<readonly [name: string, why: string]>([
    ["nosuchprogram", "no such command (searched PATH); install it, or give its path"],
    ["/nosuch/command", "no such file or directory; check the path"]
  ])("refuses the missing command %s before it binds the port, as connect does before it connects", ([name, why]) =>
    Effect.gen(function* () {
      const expected = { code: 1, stdout: "", stderr: `effect-inet: cannot run "${name}": ${why}\n` }
      for (const flags of [
        ["listen", "0"],
        ["listen", "0", "--keep-open"],
        ["connect", "192.0.2.1", "9"]
      ]) {
        assert.deepStrictEqual(yield* Cli.runInProcess([...flags, "--exec", name]), expected)
      }
    })
  )

  it.live("closes the connection and logs a warning if a command has disappeared or fails, with --keep-open", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      const command = inRoot("command")
      Fs.writeFileSync(command, "#!/bin/sh\ncat; exit 4\n", { mode: 0o755 })
      const server = yield* listen("--keep-open", "--exec", command)
      for (const text of ["one", "two"]) assert.strictEqual(yield* exchange(server.listeningPort, text), text)
      yield* server.waitForOutput("stderr", /command ended with exit code 4/)
      Fs.writeFileSync(command, "#!/nosuch\n")
      assert.strictEqual(yield* exchange(server.listeningPort, "x"), "")
      yield* server.waitForOutput(
        "stderr",
        /WARN[^\n]*cannot run [^\n]*: the interpreter in its first line does not exist/
      )
      Fs.rmSync(command)
      assert.strictEqual(yield* exchange(server.listeningPort, "x"), "")
      yield* server.waitForOutput("stderr", /WARN[^\n]*cannot run [^\n]*: no such file or directory; check the path/)
    }).pipe(Effect.scoped)
  )

  it.live("ends in order with a command that ignores SIGTERM, and whose children do", () =>
    Effect.gen(function* () {
      const script = "trap '' TERM; echo started >&2; sleep 1000"
      const server = yield* listen("--keep-open", "--drain", "0s", "--exec", "sh", "--", "-c", script)
      const client = Net.connect(server.listeningPort, "127.0.0.1")
      client.on("error", () => {})
      yield* server.waitForOutput("stderr", /started/)
      yield* server.kill("SIGTERM")
      const { code, stderr } = yield* server.ended
      assert.deepStrictEqual([code, stderr.replace(/^listening.*\n/, "")], [0, "started\n"])
    }).pipe(Effect.scoped)
  )

  it.live("ends the command of a client that resets its connection", () =>
    Effect.gen(function* () {
      const server = yield* listen(
        "--exec",
        "sh",
        "--",
        "-c",
        "echo started >&2; trap 'echo ended >&2' TERM; sleep 1000 & wait"
      )
      yield* Effect.forkScoped(exchange(server.listeningPort, "x", true))
      yield* server.waitForOutput("stderr", /started/)
      const { code, stderr } = yield* server.ended
      assert.include(stderr, "ended")
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped)
  )

  it.live("takes datagrams of the first sender, with --keep-open those of all", () =>
    Effect.gen(function* () {
      const senders = [Dgram.createSocket("udp4"), Dgram.createSocket("udp4")]
      yield* Effect.addFinalizer(() => Effect.sync(() => senders.forEach((socket) => void socket.close())))
      const one = yield* listen("--udp")
      senders[0]!.send("1 ", one.listeningPort, "127.0.0.1")
      yield* one.waitForOutput("stdout", /^1 $/)
      senders[1]!.send("2 ", one.listeningPort, "127.0.0.1")
      senders[0]!.send("3 ", one.listeningPort, "127.0.0.1")
      yield* one.waitForOutput("stdout", /^1 3 $/)
      const all = yield* Cli.start(["listen", "0", "--udp", "--keep-open", "--json"])
      const [, port] = yield* all.waitForOutput("stdout", /"listening".*"port":(\d+)/)
      for (const socket of senders) socket.send("x", Number(port), "127.0.0.1")
      yield* all.waitForOutput("stdout", /"received"[\s\S]*"received"/)
    }).pipe(Effect.scoped)
  )

  it.live("names what uses the port", () =>
    Effect.gen(function* () {
      const server = yield* listen()
      const { code, stderr } = yield* Cli.run(["listen", `${server.listeningPort}`])
      assert.match(stderr, /^effect-inet: listen: TCP port \d+ is in use by .*; choose another port with PORT\n$/)
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped)
  )

  it.live("takes the limits and operations of every server", () =>
    Effect.gen(function* () {
      const server = yield* listen("--keep-open", "--exec", "cat", "--deny", "127.0.0.0/8", "--admin", "127.0.0.1:0")
      const answer = yield* exchange(server.listeningPort, "x")
      assert.include(["", "ECONNRESET"], answer)
      const [, admin] = yield* server.waitForOutput("stderr", /admin server on (http:\/\/\S+)/)
      const health = yield* Effect.promise(async () => (await fetch(`${admin}/health`)).status)
      assert.strictEqual(health, 200)
    }).pipe(Effect.scoped)
  )

  const noActivate = have("systemd-socket-activate") ? "" : " (skipped: no systemd-socket-activate)"
  it.live.skipIf(noActivate !== "")(`takes a socket of systemd${noActivate}`, () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const script = `systemd-socket-activate -l 127.0.0.1:${port} ${inet} listen ${port} --keep-open --exec cat`
      const activated = yield* start(`exec ${script}`)
      yield* activated.waitFor("stderr", /Listening on/)
      assert.strictEqual(yield* exchange(port, "hello"), "hello")
      assert.strictEqual(yield* exchange(port, "again"), "again")
    }).pipe(Effect.scoped)
  )
})
