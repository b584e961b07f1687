import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as NodeServiceManager from "../../src/process/NodeServiceManager.ts"
import { directory } from "../support/Directory.ts"
import * as NotifySocket from "../support/NotifySocket.ts"

const program = Path.join(import.meta.dirname, "node/ServiceManager.ts")

/** Starts the program, which ends when its stdin does. */
const start = (env: Record<string, string>) => {
  const child = ChildProcess.spawn(process.execPath, [program], { env })
  let output = ""
  const ended = new Promise<readonly [code: number | null, output: string]>((resolve) => {
    child.once("close", (code) => resolve([code, output]))
  })
  const printed = new Promise<void>((resolve) => {
    child.stdout.on("data", (bytes) => {
      output += bytes
      if (/no socket/.test(output)) resolve()
    })
  })
  return { end: () => child.stdin.end(), ended, printed }
}

describe("NodeServiceManager", () => {
  it.prop(
    "watchdogIntervalMillis is half of WATCHDOG_USEC, if it is meant for this process",
    [Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1e12 })), Schema.Int, Schema.Boolean],
    ([micros, pid, isForUs]) => {
      const environment = { WATCHDOG_USEC: `${micros}`, WATCHDOG_PID: `${isForUs ? pid : pid + 1}` }
      const interval = NodeServiceManager.watchdogIntervalMillis(environment, pid)
      assert.strictEqual(interval, isForUs ? Math.max(10, micros / 2_000) : undefined)
    }
  )

  it("watchdogIntervalMillis is undefined without a watchdog, or with an invalid one", () => {
    for (const micros of [undefined, "", "0", "-1", "1e3", "x"]) {
      assert.isUndefined(NodeServiceManager.watchdogIntervalMillis({ WATCHDOG_USEC: micros }, 1))
    }
  })

  it.live.skipIf(!NotifySocket.isAvailable)(
    "make reports readiness, reload, watchdog and stop to NOTIFY_SOCKET (skipped without systemd-notify or perl)",
    () =>
      Effect.gen(function* () {
        const { path, until } = yield* NotifySocket.receive
        const server = start({ PATH: process.env.PATH ?? "", NOTIFY_SOCKET: path, WATCHDOG_USEC: "100000" })
        yield* until(/(?:WATCHDOG=1.*){4}/s)
        server.end()
        // Children of the server do not inherit the variables.
        assert.deepStrictEqual(yield* Effect.promise(() => server.ended), [0, "no socket no watchdog\n"])
        const lines = yield* until(/STOPPING=1/)
        const isTime = (line: string) => /^MONOTONIC_USEC=\d+$/.test(line)
        assert.lengthOf(lines.filter(isTime), 1)
        assert.deepStrictEqual(
          lines.filter((line) => !isTime(line)),
          [
            ...["READY=1", "STATUS=rot13 ready on 127.0.0.1:1067 MAINPID=1"],
            ...["RELOADING=1", "READY=1", "STATUS=again", "STOPPING=1"]
          ]
        )
      }).pipe(Effect.scoped)
  )

  it.live("make warns once if systemd-notify is not installed, and the server goes on", () =>
    Effect.promise(async () => {
      const server = start({ PATH: "/nonexistent", NOTIFY_SOCKET: "/nonexistent/notify", WATCHDOG_USEC: "20000" })
      await server.printed
      server.end()
      const [code, output] = await server.ended
      assert.strictEqual(code, 0)
      const warnings = output.match(/WARN.*/g) ?? []
      assert.lengthOf(warnings, 1)
      assert.match(warnings[0]!, /cannot notify systemd: systemd-notify is not installed; install it, or /)
    })
  )

  it.live("make logs once that systemd cannot be notified, and once that it is notified again", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ "systemd-notify": "#!/bin/sh\n" })
      Fs.chmodSync(inRoot("systemd-notify"), 0o755)
      const { PATH } = process.env
      yield* Effect.addFinalizer(() => Effect.sync(() => Object.assign(process.env, { PATH })))
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))
      process.env.NOTIFY_SOCKET = "/nonexistent/notify"
      process.env.PATH = "/nonexistent"
      const manager = yield* NodeServiceManager.make
      const notify = Effect.provide(manager.ready("rot13 ready"), Logger.layer([logger]))
      yield* notify
      yield* notify
      process.env.PATH = `${root}:${PATH}`
      yield* notify
      yield* notify
      assert.lengthOf(lines, 2)
      assert.match(lines[0]!, /^Warn: cannot notify systemd: systemd-notify is not installed/)
      assert.strictEqual(lines[1], "Info: systemd is notified again")
    }).pipe(Effect.scoped)
  )
})
