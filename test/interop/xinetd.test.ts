/** Debian's xinetd starts our servers and clients, as inetd does: with a connection or a UDP socket as descriptor 0. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"
import { freePort, inet, start } from "../support/Shell.ts"

const unpacked = Path.resolve(import.meta.dirname, "../../.cache/peers/xinetd/usr/sbin/xinetd")
/** Tests that a program runs here: an unpacked one may lack its libraries. */
const runs = (file: string) => ChildProcess.spawnSync(file, ["-version"]).status === 0

const xinetd = [unpacked, "/usr/sbin/xinetd"].find((file) => Fs.existsSync(file) && runs(file))

/** A service of xinetd: the command line of effect-inet, and its transport. */
interface Service {
  readonly protocol: "tcp" | "udp"
  readonly port: number
  readonly args: string
}

/** Returns the configuration of services; UDP servers keep their socket, and serve all clients. */
const configuration = (command: string, services: Readonly<Record<string, Service>>) =>
  Object.entries(services)
    .map(([name, { args, port, protocol }]) =>
      [
        `service ${name}`,
        "{",
        "  type = UNLISTED",
        `  socket_type = ${protocol === "tcp" ? "stream" : "dgram"}`,
        `  protocol = ${protocol}`,
        `  wait = ${protocol === "tcp" ? "no" : "yes"}`,
        `  user = ${Os.userInfo().username}`,
        "  bind = 127.0.0.1",
        `  port = ${port}`,
        `  server = ${command}`,
        `  server_args = ${args}`,
        "}",
        ""
      ].join("\n")
    )
    .join("\n")

/** Sends a text and its end, and returns the answer to its end. */
const exchange = (port: number, text = "") =>
  Effect.callback<string>((resume) => {
    let answer = ""
    const socket = Net.connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () => socket.end(text))
    socket.on("data", (bytes) => {
      answer += String(bytes)
    })
    socket.on("error", ({ message }) => resume(Effect.die(message)))
    socket.on("end", () => resume(Effect.succeed(answer)))
    return Effect.sync(() => void socket.destroy())
  })

/** Kills the processes that a file lists: those of xinetd are not of its process group. */
const killListed = (file: string) => {
  for (const pid of Fs.readFileSync(file, "utf8").trim().split("\n").filter(Boolean).map(Number)) {
    try {
      process.kill(pid, "SIGKILL")
    } catch {
      // It has ended.
    }
  }
}

/** Starts xinetd, and waits until it listens. */
const serve = Effect.fnUntraced(function* (folder: string, services: Readonly<Record<string, Service>>) {
  const [command, pids, config, pidFile] = ["effect-inet", "pids", "xinetd.conf", "xinetd.pid"].map((name) =>
    Path.join(folder, name)
  ) as [string, string, string, string]
  Fs.writeFileSync(pids, "")
  Fs.writeFileSync(command, `#!/bin/sh\necho $$ >> '${pids}'\nexec ${inet} "$@"\n`, { mode: 0o755 })
  Fs.writeFileSync(config, configuration(command, services))
  yield* Effect.addFinalizer(() => Effect.sync(() => killListed(pids)))
  // It opens its log by name, which a pipe of the shell has and one of Node does not.
  const files = `-f '${config}' -pidfile '${pidFile}' -filelog /dev/stderr`
  const daemon = yield* start(`'${xinetd}' -dontfork -stayalive ${files} 2>&1 | cat`)
  yield* daemon.waitFor("stdout", /Started working: \d+ available service/)
})

const missing = xinetd === undefined ? " (skipped: no xinetd)" : ""

describe.skipIf(missing !== "")(`xinetd${missing}`, () => {
  it.live("starts rot13 serve --stdio for each client", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      yield* serve((yield* directory()).path, { rot13: { protocol: "tcp", port, args: "rot13 serve --stdio" } })
      const answers = yield* Effect.forEach(["Hello", "World"], (text) => exchange(port, text), { concurrency: 2 })
      assert.deepStrictEqual(answers, ["Uryyb", "Jbeyq"])
    }).pipe(Effect.scoped)
  )

  it.live("starts tftp serve --stdio for rcat, and rcat for a client that sends nothing", () =>
    Effect.gen(function* () {
      const text = "line\n".repeat(1_000)
      const folder = yield* directory({ letter: text })
      const [tftp, file] = [yield* freePort, yield* freePort]
      yield* serve(folder.path, {
        tftp: { protocol: "udp", port: tftp, args: `tftp serve --root ${folder.root} --stdio` },
        file: { protocol: "tcp", port: file, args: `rcat 127.0.0.1:${tftp} letter` }
      })
      const { code, stderr, stdout } = yield* Cli.run(["rcat", `127.0.0.1:${tftp}`, "letter"])
      assert.deepStrictEqual([code, stdout.toString(), stderr], [0, text, ""])
      assert.strictEqual(yield* exchange(file), text)
    }).pipe(Effect.scoped)
  )
})
