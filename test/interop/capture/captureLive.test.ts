/** Captures that Wireshark's programs read while they are made, and captures that dumpcap makes. */
import * as ChildProcess from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Cli from "../../support/Cli.ts"
import { directory } from "../../support/Directory.ts"
import { waitUntil } from "../../support/Pause.ts"

const has = (command: string) => ChildProcess.spawnSync("which", [command]).status === 0

const missing = ["tshark", "dumpcap", "tcpdump"].filter((command) => !has(command))

const mayCapture = (name: string) =>
  ChildProcess.spawnSync("dumpcap", ["-i", name, "-a", "duration:0", "-w", "/dev/null", "-q"]).status === 0

/** Why dumpcap cannot capture here; empty if it can. */
const denied = (() => {
  if (missing.length > 0) return `without ${missing.join(", ")}`
  return mayCapture("lo") ? "" : "dumpcap may not capture on lo"
})()

/** An interface without packets, on which dumpcap does not notice by a packet that its reader has ended. */
const silentInterface = denied === "" && mayCapture("nflog") ? "nflog" : "lo"

const skipped = denied === "" ? "" : ` (skipped: ${denied})`

/** A named pipe in a folder of its own. */
const namedPipe = Effect.gen(function* () {
  const { inRoot } = yield* directory()
  const path = inRoot("pipe")
  ChildProcess.execFileSync("mkfifo", [path])
  return path
})

/** Starts a program that is killed when the scope closes, and collects its output. */
const spawned = Effect.fnUntraced(function* (command: string, args: ReadonlyArray<string>) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] })),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )
  const output = { stdout: "", stderr: "" }
  child.stdout.on("data", (bytes) => {
    output.stdout += bytes
  })
  child.stderr.on("data", (bytes) => {
    output.stderr += bytes
  })
  const exit = once(child, "close")
  return { child, output, ended: Effect.promise(() => exit) }
})

/** Starts an echo server of this process. */
const echo = Effect.acquireRelease(
  Effect.callback<Net.Server>((resume) => {
    const server = Net.createServer((socket) => socket.pipe(socket).on("error", () => {}))
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => void server.close())
)

const portOf = (server: Net.Server) => (server.address() as Net.AddressInfo).port

/** Sends a text to an echo server and waits for it. */
const talk = (port: number, text: string) =>
  Effect.promise(async () => {
    const socket = Net.connect(port, "127.0.0.1")
    socket.end(text)
    let answer = ""
    for await (const bytes of socket) answer += String(bytes)
    return answer
  })

describe.skipIf(denied !== "")(`captures while they are made${skipped}`, () => {
  it.live("tshark reads a named pipe live: each packet as soon as it passes", () =>
    Effect.gen(function* () {
      const path = yield* namedPipe
      const tshark = yield* spawned("tshark", [
        ...["-i", path, "-l", "-n", "-Y", "data", "-T", "fields", "-e", "data.text", "-e", "data.data"],
        ...["-o", "data.show_as_text:TRUE"]
      ])
      const server = yield* Cli.serve(["rot13", "serve", "--capture", path])
      const shown = () => tshark.output.stdout
      assert.strictEqual(yield* talk(server.port, "Hello"), "Uryyb")
      // The server still runs.
      yield* waitUntil(() => shown().includes(Buffer.from("Uryyb").toString("hex")) || shown().includes("Uryyb"))
      assert.strictEqual(yield* talk(server.port, "World"), "Jbeyq")
      yield* waitUntil(() => shown().includes(Buffer.from("Jbeyq").toString("hex")) || shown().includes("Jbeyq"))
      const { code, stderr } = yield* server.shutdown
      assert.strictEqual(code, 0, stderr)
      yield* tshark.ended
    }).pipe(Effect.scoped)
  )

  it.live("tcpdump is read from standard input while it runs", () =>
    Effect.gen(function* () {
      const server = yield* echo
      const port = portOf(server)
      const tcpdump = ChildProcess.spawn("tcpdump", ["-i", "lo", "-U", "-w", "-", `tcp port ${port}`], {
        stdio: ["ignore", "pipe", "pipe"]
      })
      yield* Effect.addFinalizer(() => Effect.sync(() => void tcpdump.kill("SIGKILL")))
      let ready = ""
      tcpdump.stderr.on("data", (bytes) => {
        ready += bytes
      })
      yield* waitUntil(() => ready.includes("listening on"))
      const reader = yield* Cli.start(["capture", "read", "-"])
      tcpdump.stdout.pipe(reader.stdin)
      assert.strictEqual(yield* talk(port, "Hello"), "Hello")
      // tcpdump and the reader still run.
      yield* reader.waitForOutput("stdout", /"Hello"/)
      tcpdump.kill("SIGINT")
      assert.strictEqual((yield* reader.ended).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("capture run prints the packets of an interface, and the counts at the end", () =>
    Effect.gen(function* () {
      const server = yield* echo
      const port = portOf(server)
      const running = yield* Cli.start(["capture", "run", "-i", "lo", "--filter", `tcp.port == ${port}`])
      yield* running.waitForOutput("stderr", /capturing on lo/)
      assert.strictEqual(yield* talk(port, "Hello"), "Hello")
      yield* running.waitForOutput("stdout", new RegExp(`127.0.0.1:${port} > 127.0.0.1:\\d+ +TCP +5 +"Hello"`))
      yield* running.kill("SIGINT")
      const { code, stderr, stdout } = yield* running.ended
      assert.strictEqual(code, 0, stderr)
      const lines = stdout.toString().trim().split("\n")
      for (const line of lines) assert.include(line, `:${port} `)
      assert.match(stderr, new RegExp(`lo: ${lines.length} packets captured, \\d+ dropped by the system`))
    }).pipe(Effect.scoped)
  )

  for (const stop of ["packets=5", "size=200", "time=2s"])
    it.live(`capture run --stop ${stop} has the number of packets that the system has dropped`, () =>
      Effect.gen(function* () {
        const server = yield* echo
        const port = portOf(server)
        const filter = ["--filter", `tcp.port == ${port}`]
        const running = yield* Cli.start(["capture", "run", "-i", "lo", "--stop", stop, ...filter])
        yield* running.waitForOutput("stderr", /capturing on lo/)
        const ended = yield* Effect.forkChild(running.ended)
        while (ended.pollUnsafe() === undefined) assert.strictEqual(yield* talk(port, "Hello"), "Hello")
        const { code, stderr, stdout } = yield* Fiber.join(ended)
        assert.strictEqual(code, 0, stderr)
        const lines = stdout.toString().split("\n").slice(0, -1)
        if (stop === "packets=5") assert.strictEqual(lines.length, 5)
        assert.match(stderr, new RegExp(`lo: ${lines.length} packets? captured, \\d+ dropped by the system`))
      }).pipe(Effect.scoped)
    )

  it.live("capture run writes a ring of files that tshark reads, with the number of its limit", () =>
    Effect.gen(function* () {
      const server = yield* echo
      const port = portOf(server)
      const { inRoot, root } = yield* directory()
      const running = yield* Cli.start([
        ...["capture", "run", "-i", "lo", "--write", inRoot("x.pcapng"), "--filter", `tcp.port == ${port}`],
        ...["--ring", "packets=4,files=2", "--stop", "packets=10"]
      ])
      yield* running.waitForOutput("stderr", /capturing on lo/)
      while ((yield* talk(port, "Hello")) === "Hello") {
        if (Fs.readdirSync(root).some((name) => name.startsWith("x_00003_"))) break
      }
      const { code, stderr } = yield* running.ended
      assert.strictEqual(code, 0, stderr)
      assert.match(stderr, /lo: 10 packets captured, \d+ dropped by the system/)
      const names = Fs.readdirSync(root).sort()
      const counts = names.map((name) => {
        const { stdout } = ChildProcess.spawnSync("tshark", ["-r", inRoot(name), "-n"], { encoding: "utf8" })
        return [name.slice(0, 8), stdout.trim().split("\n").length] as const
      })
      assert.deepStrictEqual(counts, [
        ["x_00002_", 4],
        ["x_00003_", 2]
      ])
    }).pipe(Effect.scoped)
  )

  it.live("dumpcap ends when capture run is killed", () =>
    Effect.gen(function* () {
      const running = yield* Cli.start(["capture", "run", "-i", silentInterface])
      yield* running.waitForOutput("stderr", /capturing on /)
      const children = Fs.readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, "utf8").trim().split(" ")
      const dumpcaps = children.filter((pid) => Fs.readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("dumpcap"))
      assert.strictEqual(dumpcaps.length, 1)
      yield* running.kill("SIGKILL")
      yield* running.ended
      yield* waitUntil(() => {
        const stat = `/proc/${dumpcaps[0]}/stat`
        return !Fs.existsSync(stat) || Fs.readFileSync(stat, "utf8").includes(") Z ")
      })
    }).pipe(Effect.scoped)
  )

  it.live("capture run names the interfaces if it does not know one", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.run(["capture", "run", "-i", "nosuch"])
      assert.strictEqual(code, 1)
      const line = stderr.split("\n").find((line) => line.startsWith("effect-inet: "))
      assert.match(line ?? stderr, /^effect-inet: capture run: no interface "nosuch"; there are .*\blo\b/)
    })
  )
})
