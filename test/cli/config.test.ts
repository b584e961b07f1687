import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"

/** Writes a configuration file and returns its path. */
const write = Effect.fnUntraced(function* (text: string) {
  const path = (yield* directory()).inRoot("a.yaml")
  Fs.writeFileSync(path, text)
  return path
})

describe("--config", () => {
  it.live("sets options below the environment, which is below flags", () =>
    Effect.gen(function* () {
      const config = yield* write("rot13: { case: lower, host: 127.0.0.2, port: 0 }\n")
      const announced = (args: ReadonlyArray<string>, env: Record<string, string>) =>
        Effect.gen(function* () {
          const server = yield* Cli.start(["rot13", "serve", "--json", ...args], env)
          const [line] = yield* server.waitForOutput("stdout", /^\{.*\}$/m)
          return JSON.parse(line) as { readonly address: string; readonly port: number }
        })
      const { address, port } = yield* announced(["--config", config], {})
      assert.strictEqual(address, "127.0.0.2")
      const sent = yield* Cli.runInProcess(["rot13", "send", address, `${port}`, "Hello"])
      assert.strictEqual(sent.stdout, "Hryyb\n")
      const byVariable = yield* announced([`--config=${config}`], { ROT13_HOST: "127.0.0.3" })
      assert.strictEqual(byVariable.address, "127.0.0.3")
      const byFlag = yield* announced(["--host", "127.0.0.4"], {
        ROT13_HOST: "127.0.0.3",
        EFFECT_INET_CONFIG: config
      })
      assert.strictEqual(byFlag.address, "127.0.0.4")
    }).pipe(Effect.scoped)
  )

  it.live("with an error in line 3 ends each command with that line and exit code 2", () =>
    Effect.gen(function* () {
      const config = yield* write("# services\nrot13:\n  port: abc\n")
      for (const command of ["rot13 serve", "guess serve", "up", "up --check", "resolve localhost", "services"]) {
        const { code, stderr } = yield* Cli.runInProcess([...command.split(" "), "--config", config])
        const line = `${config}:3:9: rot13.port: expected a port from 0 to 65535 (0: any free port) (got "abc")`
        assert.strictEqual(stderr.split("\n")[0], `effect-inet: ${line}`, command)
        assert.strictEqual(code, 2, command)
      }
    }).pipe(Effect.scoped)
  )

  it.live("that cannot be read is one line", () =>
    Effect.gen(function* () {
      const folder = (yield* directory()).root
      const fifo = Path.join(folder, "fifo")
      ChildProcess.execFileSync("mkfifo", [fifo])
      for (const [path, reason] of [
        [Path.join(folder, "nosuch"), "no such file or directory"],
        [folder, "is a directory; name a file"],
        [fifo, "is not a regular file; name one"],
        ["/dev/zero", "is not a regular file; name one"]
      ] as const) {
        const { code, stderr } = yield* Cli.runInProcess(["rot13", "serve", "--config", path])
        assert.strictEqual(stderr.split("\n")[0], `effect-inet: --config ${JSON.stringify(path)}: ${reason}`)
        assert.strictEqual(code, 2)
      }
    }).pipe(Effect.scoped)
  )

  it.live("escapes what it quotes from the file", () =>
    Effect.gen(function* () {
      const config = yield* write('rot13: { port: "\\e]0;x\\a" }\n')
      const { stderr } = yield* Cli.runInProcess(["rot13", "serve", "--config", config])
      // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what must not be there
      assert.notMatch(stderr.replaceAll("\n", ""), /[\u0000-\u001f]/)
    }).pipe(Effect.scoped)
  )

  it.live("is not read for --help", () =>
    Effect.gen(function* () {
      const { code } = yield* Cli.run(["rot13", "serve", "--help"], { env: { EFFECT_INET_CONFIG: "/nosuch" } })
      assert.strictEqual(code, 0)
    })
  )
})

/** Connects, and returns a function that sends a text and waits for its reply. */
const connect = Effect.fnUntraced(function* (port: number) {
  const network = yield* Network.Network
  const connection = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", port))
  return (text: string) =>
    Effect.andThen(
      connection.write(text),
      Effect.map(connection.pull, (bytes) => new TextDecoder().decode(bytes))
    )
})

describe("SIGHUP of a server with --config", () => {
  it.live("changes limits while clients are served, and drops none of them", () =>
    Effect.gen(function* () {
      const text = (options: string) => `rot13: { port: 0, ${options} }\n`
      const config = yield* write(text("max-connections: 3"))
      const server = yield* Cli.start(["rot13", "serve", "--config", config, "--json"])
      const [line] = yield* server.waitForOutput("stdout", /^\{.*\}$/m)
      const { port } = JSON.parse(line) as { readonly port: number }
      const clients = yield* Effect.all([connect(port), connect(port), connect(port)])
      const talk = Effect.forEach(clients, (request) =>
        Effect.map(request("Hello"), (reply) => assert.strictEqual(reply, "Uryyb"))
      )
      yield* talk
      const traffic = yield* Effect.forkChild(Effect.forever(talk))
      const changes = [1, 4, 2, 50]
      for (const [at, maximum] of changes.entries()) {
        Fs.writeFileSync(config, text(`max-connections: ${maximum}, idle-timeout: ${maximum}m`))
        yield* server.kill("SIGHUP")
        yield* server.waitForOutput("stderr", new RegExp(`(reloaded: max-connections[^]*){${at + 1}}`))
      }
      const late = yield* connect(port)
      assert.strictEqual(yield* late("x"), "k")
      assert.isUndefined(traffic.pollUnsafe())
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live(
    "lists what needs a restart, keeps the old settings of an invalid file, and changes the level of the log",
    () =>
      Effect.gen(function* () {
        const config = yield* write("rot13: { port: 0, case: lower }\n")
        const server = yield* Cli.start(["rot13", "serve", "--config", config])
        yield* server.waitForOutput("stdout", /rot13 on/)
        Fs.writeFileSync(config, "rot13: { port: 1, case: both }\n")
        yield* server.kill("SIGHUP")
        yield* server.waitForOutput("stderr", /rot13: changed in the file, waits for a restart: port, case/)
        Fs.writeFileSync(config, "rot13: { port: x }\n")
        yield* server.kill("SIGHUP")
        yield* server.waitForOutput(
          "stderr",
          /not reloaded, the old settings stay: \S+a\.yaml:1:16: rot13\.port: expected/
        )
        Fs.writeFileSync(config, "log-level: debug\nrot13: { port: 1, case: both }\n")
        yield* server.kill("SIGHUP")
        yield* server.waitForOutput("stderr", /reloaded: log-level/)
        yield* server.kill("SIGTERM")
        assert.strictEqual((yield* server.ended).code, 0)
      }).pipe(Effect.scoped)
  )
})
