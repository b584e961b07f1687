import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CommandInput from "../../src/cli/common/settings/CommandInput.ts"
import * as NodeMain from "../../src/cli/NodeMain.ts"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"

const folder = Path.resolve(import.meta.dirname, "../../docs/deploy")
const filesOf = (pattern: RegExp) => Fs.readdirSync(folder).filter((name) => pattern.test(name))
const read = (name: string) => Fs.readFileSync(Path.join(folder, name), "utf8")

const hasAnalyze = ChildProcess.spawnSync("which", ["systemd-analyze"]).status === 0

describe("docs/deploy", () => {
  it.live.each(filesOf(/\.yaml$/).map((name) => [name]))("has a configuration that up accepts: %s", ([name]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Cli.runInProcess(["up", "--check", "--config", Path.join(folder, name!)])
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0)
      assert.match(stdout, /^rot13 +rot13 /)
    })
  )

  it.live.skipIf(!hasAnalyze)("has units without an error (skipped without systemd-analyze)", () =>
    Effect.gen(function* () {
      const { root } = yield* directory()
      const units = filesOf(/\.(service|socket)$/).map((name) => {
        const path = Path.join(root, name)
        // The program is not installed here.
        Fs.writeFileSync(path, read(name).replaceAll("/usr/local/bin/effect-inet", "/bin/true"))
        return path
      })
      const { status, stderr, stdout } = ChildProcess.spawnSync("systemd-analyze", ["verify", "--man=no", ...units])
      const ours = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("effect-inet"))
      assert.deepStrictEqual(ours, [])
      assert.strictEqual(status, 0)
    }).pipe(Effect.scoped)
  )

  it.live("has units and a Containerfile whose command lines are valid", () =>
    Effect.gen(function* () {
      const unitCommands = filesOf(/\.service$/).map((name) => /^ExecStart=\S+ (.*)$/m.exec(read(name))![1]!.split(" "))
      const containerCommand = JSON.parse(/^CMD (.*)$/m.exec(read("Containerfile"))![1]!) as ReadonlyArray<string>
      const health = JSON.parse(/^HEALTHCHECK CMD (.*)$/m.exec(read("Containerfile"))![1]!) as ReadonlyArray<string>
      for (const words of [...unitCommands, containerCommand, health.slice(1)]) {
        const args = words.map((word) => (word.endsWith(".yaml") ? Path.join(folder, Path.basename(word)) : word))
        let parsed: CommandInput.Input | undefined
        yield* Effect.provideService(NodeMain.execute(args), CommandInput.InputReceiver, (input) => {
          parsed = input
        })
        assert.isDefined(parsed, args.join(" "))
      }
    })
  )

  it.live("has sockets for the ports of services.yaml", () =>
    Effect.gen(function* () {
      const { stdout } = yield* Cli.runInProcess([
        "up",
        "--check",
        "--json",
        "--config",
        Path.join(folder, "services.yaml")
      ])
      const ports = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { readonly service: string; readonly options: { readonly port?: string } })
        .map(({ options, service }) => `${service === "tftp" ? "Datagram" : "Stream"} ${options.port ?? "1066"}`)
      const listed = [...read("effect-inet.socket").matchAll(/^Listen(Stream|Datagram)=(?:\S+:)?(\d+)$/gm)]
      assert.deepStrictEqual(listed.map(([, kind, port]) => `${kind} ${port}`).sort(), ports.sort())
    })
  )
})
