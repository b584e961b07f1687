import { EventEmitter } from "node:events"
import * as Fs from "node:fs"
import * as Module from "node:module"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as NodeUploadHook from "../../../src/tftp/server/NodeUploadHook.ts"
import type * as TftpServerEvent from "../../../src/tftp/TftpServerEvent.ts"
import { directory } from "../../support/Directory.ts"
import { waitUntil } from "../../support/Pause.ts"

type Upload = Extract<TftpServerEvent.Event, { readonly _tag: "Finished" }>

const upload = (filename: string, kind: "RRQ" | "WRQ" = "WRQ"): Upload => ({
  _tag: "Finished",
  transfer: { id: 1, kind, filename, mode: "octet", client: { address: "192.0.2.7", port: 2_000 } },
  summary: { bytes: 5, resent: 0, malformed: 0, rtt: undefined, blksize: 512, windowsize: 1 },
  path: `/srv/${filename}`,
  millis: 1_234
})

/** Makes a hook that runs a shell script, and a server whose events the test sends. */
const open = Effect.fnUntraced(function* (script: string, options: Omit<NodeUploadHook.Options, "command"> = {}) {
  const { root } = yield* directory()
  const command = Path.join(root, "hook")
  Fs.writeFileSync(command, `#!/bin/sh\ncd ${root}\n${script}\n`, { mode: 0o755 })
  const events = yield* Queue.unbounded<TftpServerEvent.Event, Cause.Done>()
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => void lines.push(`${message}`.replaceAll(command, "hook")))
  const scope = yield* Scope.fork(yield* Effect.scope)
  yield* NodeUploadHook.make({ events: Stream.fromQueue(events), drain: Effect.void }, { command, ...options }).pipe(
    Scope.provide(scope),
    Effect.provide(Logger.layer([logger]))
  )
  const file = (name: string) => Path.join(root, name)
  return {
    lines,
    send: (...sent: ReadonlyArray<TftpServerEvent.Event>) => Effect.sync(() => Queue.offerAllUnsafe(events, sent)),
    close: Scope.close(scope, Exit.void),
    file,
    /** Waits until a file exists, and returns its text. */
    written: (name: string) =>
      Effect.gen(function* () {
        yield* waitUntil(() => Fs.existsSync(file(name)))
        return Fs.readFileSync(file(name), "utf8")
      }),
    logged: (count: number) =>
      Effect.gen(function* () {
        yield* waitUntil(() => lines.length >= count)
        return lines
      })
  }
})

const test = (name: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Effect.scoped(Effect.suspend(body)))

const builtin = Module.createRequire(import.meta.url)("node:child_process") as { spawn: unknown }

/** Replaces the function of node:child_process that starts a process. */
const replaceSpawn = (spawn: unknown) =>
  Effect.sync(() => {
    builtin.spawn = spawn
    Module.syncBuiltinESMExports()
  })

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0) && !/^State:\s+Z/m.test(Fs.readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

describe("NodeUploadHook", () => {
  test("runs a program for each upload, which gets it by its environment", () =>
    Effect.gen(function* () {
      const hook = yield* open('echo $# > new.$$; env | grep ^TFTP_ | sort >> new.$$; mv new.$$ "out.$TFTP_FILE"')
      yield* hook.send(upload("download", "RRQ"), upload("a b;$(rm -rf x)"), upload("caf\udce9"))
      const variables = (name: string) =>
        `0
TFTP_BYTES=5
TFTP_CLIENT=192.0.2.7
TFTP_FILE=${name}
TFTP_MODE=octet
TFTP_PATH=/srv/${name}
TFTP_PORT=2000
TFTP_SECONDS=1.234
`
      for (const name of ["a b;$(rm -rf x)", "caf\\xe9"]) {
        assert.strictEqual(yield* hook.written(`out.${name}`), variables(name))
      }
      assert.isFalse(Fs.existsSync(hook.file("out.download")))
      assert.deepStrictEqual(hook.lines, [])
    }))

  test("logs a program that fails, with the first line of its errors", () =>
    Effect.gen(function* () {
      const hook = yield* open(
        'case $TFTP_FILE in\nkill) kill -SEGV $$;;\n*) printf "no \\033[2J\\nmore\\n" >&2; exit 3;; esac'
      )
      yield* hook.send(upload("f"))
      yield* hook.logged(1)
      yield* hook.send(upload("kill"))
      assert.deepStrictEqual(yield* hook.logged(2), [
        "upload hook for WRQ f octet from 192.0.2.7 port 2000: hook exited with code 3: no \\u001b[2J",
        "upload hook for WRQ kill octet from 192.0.2.7 port 2000: hook ended with SIGSEGV"
      ])
    }))

  test("kills a program that exceeds its time limit, with its children", () =>
    Effect.gen(function* () {
      const hook = yield* open(
        "trap '' TERM; sleep 1000 & echo $! > new; echo $$ >> new; mv new pids; wait; wait; sleep 1000",
        {
          timeout: "1 second"
        }
      )
      yield* hook.send(upload("f"))
      const pids = (yield* hook.written("pids")).trim().split("\n").map(Number)
      assert.deepStrictEqual(yield* hook.logged(1), [
        "upload hook for WRQ f octet from 192.0.2.7 port 2000: hook killed after 1s; allow it more time"
      ])
      yield* waitUntil(() => !pids.some(isAlive))
      assert.strictEqual(pids.length, 2)
    }))

  test("runs a limited number at the same time, and the others after them in order", () =>
    Effect.gen(function* () {
      const hook = yield* open(
        'echo "$TFTP_FILE" >> started; while [ ! -e "go.$TFTP_FILE" ]; do sleep 0.01; done; touch "done.$TFTP_FILE"',
        {
          maxProcesses: 2
        }
      )
      yield* hook.send(...["a", "b", "c", "d"].map((name) => upload(name)))
      const started = () => (Fs.existsSync(hook.file("started")) ? Fs.readFileSync(hook.file("started"), "utf8") : "")
      yield* waitUntil(() => started().length >= 4)
      assert.deepStrictEqual(started().trim().split("\n").sort(), ["a", "b"])
      for (const [name, next] of [
        ["a", "c"],
        ["b", "d"]
      ] as const) {
        Fs.writeFileSync(hook.file(`go.${name}`), "")
        yield* waitUntil(() => started().includes(next))
      }
      for (const name of ["c", "d"]) {
        Fs.writeFileSync(hook.file(`go.${name}`), "")
        yield* hook.written(`done.${name}`)
      }
    }))

  test("waits at its end for running programs, but no longer than the drain time", () =>
    Effect.gen(function* () {
      const patient = yield* open('while [ ! -e "go" ]; do sleep 0.01; done; touch "done.$TFTP_FILE"', {
        maxProcesses: 1
      })
      yield* patient.send(upload("a"), upload("b"))
      Fs.writeFileSync(patient.file("go"), "")
      yield* patient.close
      assert.isTrue(Fs.existsSync(patient.file("done.a")) && Fs.existsSync(patient.file("done.b")))

      const stuck = yield* open("echo $$ > new; mv new pid; sleep 1000 & wait", { maxProcesses: 1, drain: "50 millis" })
      yield* stuck.send(upload("a"), upload("b"))
      const pid = Number(yield* stuck.written("pid"))
      yield* stuck.close
      assert.isFalse(isAlive(pid))
      assert.deepStrictEqual(stuck.lines, ["upload hook: the server stops: 2 programs killed or not run"])
    }))

  test("logs a program for which no pipe can be opened", () =>
    Effect.gen(function* () {
      const hook = yield* open("")
      const { spawn } = builtin
      yield* Effect.addFinalizer(() => replaceSpawn(spawn))
      // At the limit of open files Node returns a process without streams, and emits the error later.
      yield* replaceSpawn(() => {
        const child = new EventEmitter()
        process.nextTick(() => child.emit("error", Object.assign(new Error("spawn hook EMFILE"), { code: "EMFILE" })))
        return child
      })
      yield* hook.send(upload("f"))
      assert.deepStrictEqual(yield* hook.logged(1), [
        "upload hook for WRQ f octet from 192.0.2.7 port 2000: hook cannot be started: too many open files"
      ])
    }))

  test("needs a program that can be executed", () =>
    Effect.gen(function* () {
      const { root } = yield* directory({ text: "x" })
      const message = (command: string) =>
        Effect.map(
          Effect.flip(NodeUploadHook.make({ events: Stream.never, drain: Effect.void }, { command })),
          (error) => error.message.replace(root, "ROOT")
        )
      assert.strictEqual(
        yield* message(Path.join(root, "no")),
        "ROOT/no: no such file or directory; name an executable program"
      )
      assert.strictEqual(yield* message(root), "ROOT: is not a file; name an executable program")
      assert.strictEqual(
        yield* message(Path.join(root, "text")),
        "ROOT/text: permission denied; name an executable program"
      )
    }))
})
