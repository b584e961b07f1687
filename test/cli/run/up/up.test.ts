import * as Fs from "node:fs"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Network from "../../../../src/network/Network.ts"
import * as NodeNetwork from "../../../../src/network/node/NodeNetwork.ts"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"

/** Writes a configuration file, and returns its path. */
const write = Effect.fnUntraced(function* (text: string) {
  const path = (yield* directory()).inRoot("a.yaml")
  Fs.writeFileSync(path, text)
  return path
})

/** A port that another program listens on, until `close`. */
const occupied = Effect.acquireRelease(
  Effect.callback<Net.Server>((resume) => {
    const server = Net.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => void server.close())
).pipe(
  Effect.map((server) => ({
    port: (server.address() as Net.AddressInfo).port,
    close: Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
  }))
)

/** A state of a service, as `up --json` prints it. */
interface State {
  readonly service: string
  readonly state: string
  readonly address?: string
  readonly port?: number
  readonly restarts: number
  readonly lastError?: string
}

/** Starts `up --json` with a file, in a process of its own if it gets signals. `waitFor` waits for states. */
const startUp = Effect.fnUntraced(function* <
  A extends Pick<Effect.Success<ReturnType<typeof Cli.start>>, "waitForOutput">
>(start: (args: ReadonlyArray<string>) => Effect.Effect<A, never, Scope.Scope>, config: string) {
  const up = yield* start(["up", "--json", "--config", config])
  const waitFor = (service: string, state: string) =>
    Effect.map(
      up.waitForOutput("stdout", new RegExp(`^\\{"service":"${service}","state":"${state}".*\\}$`, "m")),
      ([line]) => JSON.parse(line) as State
    )
  return { ...up, waitFor }
})

const rot13 = Effect.fnUntraced(function* (port: number) {
  const network = yield* Network.Network
  const connection = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", port))
  yield* connection.write("Hello")
  return new TextDecoder().decode(yield* connection.pull)
})

describe("up with a configuration file", () => {
  it.live("runs the instances of the file, each with its options", () =>
    Effect.gen(function* () {
      const up = yield* startUp(
        Cli.startInProcess,
        yield* write(
          "rot13: { case: lower }\nup:\n  services:\n    rot13: { port: 0 }\n    intern: { service: rot13, port: 0, case: both }\n"
        )
      )
      const send = (port: number | undefined) =>
        Effect.map(Cli.runInProcess(["rot13", "send", "127.0.0.1", `${port}`, "Hello"]), ({ stdout }) => stdout)
      assert.strictEqual(yield* send((yield* up.waitFor("rot13", "ready")).port), "Hryyb\n")
      assert.strictEqual(yield* send((yield* up.waitFor("intern", "ready")).port), "Uryyb\n")
      assert.strictEqual((yield* up.shutdown).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("starts a service again whose port is in use, while the others serve", () =>
    Effect.gen(function* () {
      const { close, port } = yield* occupied
      const file = `up:\n  restart-delay: 10ms\n  services:\n    rot13: { port: 0 }\n    busy: { service: rot13, port: ${port} }\n`
      const up = yield* startUp(Cli.startInProcess, yield* write(file))
      const failing = yield* up.waitFor("busy", "restarting")
      assert.match(failing.lastError!, new RegExp(`TCP port ${port} is in use.*up\\.services\\.busy\\.port`))
      const { port: good } = yield* up.waitFor("rot13", "ready")
      assert.strictEqual(yield* rot13(good!), "Uryyb")
      yield* close
      const { restarts } = yield* up.waitFor("busy", "ready")
      assert.isAtLeast(restarts, 1)
      assert.strictEqual(yield* rot13(port), "Uryyb")
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("exits with 1 if nothing can start", () =>
    Effect.gen(function* () {
      const { port } = yield* occupied
      const { code, stderr } = yield* Cli.runInProcess([
        "up",
        "--config",
        yield* write(`up: { services: { rot13: { port: ${port} } } }\n`)
      ])
      assert.match(stderr, /effect-inet: cannot start any service/)
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped)
  )

  it.live("adds, removes and reconfigures instances on SIGHUP, without a dropped client", () =>
    Effect.gen(function* () {
      const text = (...lines: ReadonlyArray<string>) =>
        `up:\n  services:\n${lines.map((line) => `    ${line}\n`).join("")}`
      const config = yield* write(text("rot13: { port: 0 }", "old: { service: guess, port: 0 }"))
      const up = yield* startUp(Cli.start, config)
      const { port } = yield* up.waitFor("rot13", "ready")
      const network = yield* Network.Network
      const client = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", port!))
      yield* client.write("a")
      assert.strictEqual(new TextDecoder().decode(yield* client.pull), "n")
      Fs.writeFileSync(config, text("rot13: { port: 0, max-connections: 1 }", "new: { service: board, port: 0 }"))
      yield* up.kill("SIGHUP")
      yield* up.waitForOutput("stderr", /reloaded: -old, rot13\.max-connections, \+new/)
      yield* up.waitFor("new", "ready")
      yield* client.write("b")
      assert.strictEqual(new TextDecoder().decode(yield* client.pull), "o")
      const { stdout } = yield* Cli.runInProcess(["rot13", "send", "127.0.0.1", `${port}`, "x"])
      assert.strictEqual(stdout, "")
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("starts an instance anew that has failed for good when a reload brings other options", () =>
    Effect.gen(function* () {
      const { port } = yield* occupied
      const text = (busy: number) =>
        `up:\n  max-restarts: 0\n  services:\n    rot13: { port: 0 }\n    busy: { service: rot13, port: ${busy} }\n`
      const config = yield* write(text(port))
      const up = yield* startUp(Cli.start, config)
      yield* up.waitFor("busy", "failed")
      Fs.writeFileSync(config, text(0))
      yield* up.kill("SIGHUP")
      yield* up.waitForOutput("stderr", /reloaded: \+busy/)
      assert.strictEqual(yield* rot13((yield* up.waitFor("busy", "ready")).port!), "Uryyb")
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("refuses two instances on the default port of their service", () =>
    Effect.gen(function* () {
      const config = yield* write("up: { services: { a: { service: hangman }, b: { service: hangman } } }\n")
      const { stderr } = yield* Cli.runInProcess(["up", "--check", "--config", config])
      assert.include(stderr, "a and b both need tcp port 1066 of 127.0.0.1")
    }).pipe(Effect.scoped)
  )

  it.live("refuses two instances on one port", () =>
    Effect.gen(function* () {
      const config = yield* write("up: { services: { a: { service: rot13 }, b: { service: rot13 } } }\n")
      const { code, stderr } = yield* Cli.runInProcess(["up", "--check", "--config", config])
      assert.include(stderr, "a and b both need tcp port 1067 of 127.0.0.1")
      assert.strictEqual(code, 2)
    }).pipe(Effect.scoped)
  )
})

describe("up --user", () => {
  it.live("is refused if child processes would keep the user of the start", () =>
    Effect.gen(function* () {
      const config = yield* write("up: { services: { play: { service: hangman, model: processes } } }\n")
      const { code, stderr } = yield* Cli.runInProcess(["up", "--check", "--user", "nobody", "--config", config])
      assert.include(stderr, "up: --user does not hold for the child processes of play (model processes)")
      assert.strictEqual(code, 2)
    }).pipe(Effect.scoped)
  )
})

describe("up --check", () => {
  it.live("prints the instances with their options, by precedence", () =>
    Effect.gen(function* () {
      const config = yield* write(
        "rot13: { max-connections: 7, drain: 1s }\nup:\n  host: 127.0.0.5\n  idle-timeout: 9s\n  services:\n    rot13: { drain: 2s }\n    play: { service: hangman, model: processes }\n"
      )
      const { code, stdout } = yield* Cli.runInProcess([
        "up",
        "--check",
        "--json",
        "--config",
        config,
        "--max-per-peer",
        "3"
      ])
      assert.strictEqual(code, 0)
      const lines = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
      assert.deepStrictEqual(lines[0], {
        name: "rot13",
        service: "rot13",
        address: "127.0.0.5:1067",
        options: {
          host: "127.0.0.5",
          port: "1067",
          "max-connections": "7",
          "max-per-peer": "3",
          "idle-timeout": "9s",
          drain: "2s"
        }
      })
      assert.strictEqual(lines[1].address, "127.0.0.5:1066")
      assert.deepInclude(lines[1].options, { port: "1066", model: "processes", "idle-timeout": "9s" })
    }).pipe(Effect.scoped)
  )

  it.live("prints the services that run without a file", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* Cli.runInProcess(["up", "--check", "--rot13-port", "5", "--status-port", "0"])
      assert.strictEqual(code, 0)
      assert.match(stdout, /^rot13 +rot13 +127\.0\.0\.1:5$/m)
      assert.notInclude(stdout, "status")
    })
  )

  it.live("prints the address of each instance, also where it is a default", () =>
    Effect.gen(function* () {
      const config = yield* write(
        "up:\n  services:\n    rot13:\n    hangman:\n    course: { service: hangman, dialect: course, host: '::' }\n    guess:\n    board: { unix: /run/b }\n    primes:\n    tftp:\n    status:\n    lan: { service: status, address: 255.255.255.255, port: 2067 }\n"
      )
      const { stdout } = yield* Cli.runInProcess(["up", "--check", "--config", config])
      const addresses = stdout
        .trim()
        .split("\n")
        .map((line) => line.split(/ +/).slice(0, 3).join(" "))
      assert.deepStrictEqual(addresses, [
        "rot13 rot13 127.0.0.1:1067",
        "hangman hangman 127.0.0.1:1066",
        "course hangman [::]:1068",
        "guess guess 127.0.0.1:1500",
        "board board /run/b",
        "primes primes 127.0.0.1:1070",
        "tftp tftp 127.0.0.1:6969",
        "status status 127.255.255.255:2066",
        "lan status 0.0.0.0:2067"
      ])
    }).pipe(Effect.scoped)
  )

  it.live("prints the page as an instance, last; none if it is off", () =>
    Effect.gen(function* () {
      const config = yield* write("up: { services: { rot13: } }\n")
      const check = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
        const { stdout } = yield* Cli.runInProcess(["up", "--check", "--config", config, ...args])
        return stdout.trim().split("\n")
      })
      const shown = yield* check("--page", "[::1]:80", "--control", "--page-host", "a.example, b.example")
      assert.match(shown.at(-1)!, /^page +page +\[::1\]:80 +control=true page-host=a\.example,b\.example$/)
      const json = (yield* check("--json", "--page", "81")).map((line) => JSON.parse(line))
      assert.deepStrictEqual(json.at(-1), { name: "page", service: "page", address: "127.0.0.1:81", options: {} })
      assert.match((yield* check("--page", "on")).at(-1)!, /^page +page +127\.0\.0\.1:8066$/)
      assert.strictEqual((yield* check("--page", "off")).length, 1)
    }).pipe(Effect.scoped)
  )
})
