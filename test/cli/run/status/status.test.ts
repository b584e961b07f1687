import * as Os from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../../support/Cli.ts"
import {
  coursePacket,
  freePort,
  loopback,
  nextDatagram,
  peer,
  peerInProcess,
  socket,
  waitForChange
} from "./StatusCli.ts"

const intervalMillis = 250

const every = ["--interval", `${intervalMillis}ms`]

describe("status", () => {
  it.live("reports a killed peer as down and a stopped one as left, at the documented times", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const one = yield* peerInProcess(port, "one", ...every, "--json")
      const killed = yield* peer(port, "killed", ...every, "--json")
      const ended = yield* peerInProcess(port, "ended", ...every, "--json")
      const [seen] = yield* Effect.all([
        waitForChange(one, "Joined", "killed"),
        waitForChange(one, "Joined", "ended"),
        waitForChange(ended, "Joined", "killed"),
        waitForChange(killed, "Joined", "one")
      ])
      assert.deepInclude(seen, { state: "alive", address: "127.0.0.1", port, dialect: "effect-inet" })
      assert.deepInclude(seen.payload, { x: 40, y: 12, host: Os.hostname() })
      assert.match(
        (yield* one.waitForOutput("stderr", /status of.*/))[0],
        /one on 127\.255\.255\.255:\d+ \(this machine only\); /
      )

      yield* killed.kill("SIGKILL")
      const downs = yield* Effect.all([waitForChange(one, "Down", "killed"), waitForChange(ended, "Down", "killed")])
      for (const { age, missed, state } of downs) {
        assert.strictEqual(state, "down")
        assert.isAtLeast(missed, 5)
        assert.isAtMost(age, 6 * intervalMillis)
      }
      assert.strictEqual((yield* ended.shutdown).code, 0)
      const left = yield* waitForChange(one, "Left", "ended")
      assert.deepInclude(left, { age: 0, missed: 0 }, "the goodbye is the latest packet")

      const table = yield* Cli.runInProcess([
        ...["status", "--once", "--settle", "600ms", "--address", loopback, "--port", `${port}`, "--json"]
      ])
      assert.strictEqual(table.code, 0)
      const peers = table.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { readonly name: string; readonly self?: true })
      assert.deepStrictEqual(
        peers.map(({ name, self }) => (self === true ? `${name} is me` : name)),
        ["one"]
      )
      assert.strictEqual((yield* one.shutdown).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("receives the course's packets with their numbers, sends 72 bytes, and escapes names", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const testSocket = yield* socket(port)
      const json = yield* peerInProcess(port, "json", "--json")
      const text = yield* peerInProcess(port, "own", "--dialect", "course", ...every)
      const sent = yield* nextDatagram(testSocket, "own\0")
      assert.deepStrictEqual([...sent], [...coursePacket("own", 40, 12).fill(0, 4, 64)])
      assert.deepInclude(yield* waitForChange(json, "Joined", "own"), { dialect: "course", payload: { x: 40, y: 12 } })
      yield* text.waitForOutput("stdout", /^\S+Z json joined from 127\.0\.0\.1:\d+$/m)

      const name = "\u001b[31mred\u202e"
      testSocket.send(coursePacket(name, 79, -3), port, loopback)
      const joined = yield* waitForChange(json, "Joined", name)
      assert.deepInclude(joined, { id: `course:${name}`, payload: { x: 79, y: -3 } })
      testSocket.send(coursePacket(name, 7, 8), port, loopback)
      assert.deepInclude(yield* waitForChange(json, "Updated", name), { payload: { x: 7, y: 8 } })
      const shown = String.raw`\\u001b\[31mred\\u202e`
      yield* text.waitForOutput("stdout", new RegExp(String.raw`^\S+Z ${shown} joined from 127\.0\.0\.1:${port}$`, "m"))
      yield* text.waitForOutput("stdout", new RegExp(`^\\S+Z ${shown} moved to 7,8$`, "m"))
      const table = yield* Effect.scoped(
        Effect.gen(function* () {
          const running = yield* peerInProcess(port, "--once", "--settle", "1500ms")
          yield* running.waitForOutput("stderr", /status on .*; listens only/)
          testSocket.send(coursePacket(name, 7, 8), port, loopback)
          return yield* running.ended
        })
      )
      assert.match(table.stdout, new RegExp(`^${shown} .* 7,8 .* course$`, "m"))
      assert.match(table.stdout, /^own +alive .* 40,12 .* course$/m)
      assert.notInclude(table.stdout, "\u001b")
      assert.strictEqual((yield* text.shutdown).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("rejects peers without the key", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const [one, other] = yield* Effect.all(
        ["one", "other"].map((name) => peerInProcess(port, name, "--key", "secret", ...every, "--json"))
      )
      const intruder = yield* peerInProcess(port, "stranger", "--key", "guess", ...every, "--json")
      const testSocket = yield* socket(port)
      yield* Effect.all([waitForChange(one!, "Joined", "other"), waitForChange(other!, "Joined", "one")])
      yield* waitForChange(intruder, "Joined", "stranger")
      yield* nextDatagram(testSocket, "stranger")
      yield* one!.shutdown
      yield* waitForChange(other!, "Left", "one")
      assert.notInclude((yield* other!.shutdown).stdout, "stranger")
    }).pipe(Effect.scoped)
  )

  it.live("--once serves no page: one on the command line is a warning, one of the settings is for other uses", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const run = (args: ReadonlyArray<string>, env = {}) =>
        Cli.runInProcess(["status", "--once", "--settle", "1ms", "--address", loopback, "--port", `${port}`, ...args], {
          env
        })
      const given = yield* run(["--page", "127.0.0.1:0"])
      assert.strictEqual(given.code, 0)
      assert.deepStrictEqual(given.stderr.match(/.*page.*/g)?.length, 1, given.stderr)
      assert.match(given.stderr, /--page is ignored: with --once the command prints a table and exits/)
      assert.notInclude((yield* run(["--page", "off"])).stderr, "page")
      assert.notInclude((yield* run([], { STATUS_PAGE: "127.0.0.1:0" })).stderr, "page")
    })
  )
})
